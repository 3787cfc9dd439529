import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
} from 'node:fs';
import { acquiring, Cleanup } from '../../cleanup';
import { Exit, fromSysError, SysError, silent, type UdrvError } from '../../errors';
import { sysCall } from '../../sys/linux/node-fs';
import { sleep } from '../../sys/sleep';
import type { Context } from '../program/context';
import { type Destination, write } from './stream';

const { O_NONBLOCK, O_WRONLY, W_OK } = constants;

/** Time between two looks whether somebody reads from a FIFO. */
const LOOK_MS = 10;

/** The receiver of a command's data. */
export interface Sink {
  readonly isTTY: boolean;
  /** @throws UdrvError, also where the disk is full: of a text, whole lines stay in the file then */
  write(data: string | Buffer): void;
}

/** The parts of a context that an output needs. */
export type OutputContext = Pick<Context, 'stdout' | 'note'> & { options: { timeout?: number | undefined } };

/**
 * The place for a command's data: standard output, or the file that `-o` names (`-` is standard output). The file is
 * opened before a device is: what cannot be written is not asked for. One that is there already is replaced by a success
 * only; what a failure left is kept beside it, as `FILE.partial`.
 */
export class Output implements Disposable {
  readonly #context: OutputContext;
  readonly #file: OutputFile | undefined;

  /**
   * Opens the file. Waits, where the path is a FIFO, until somebody reads from it, no longer than `--timeout`: no signal
   * is served then, and a Ctrl-C does what it does by default.
   *
   * @throws UdrvError exit 4 where that is not permitted, 6 where nobody reads, else 1
   */
  constructor(context: OutputContext, path: string | undefined) {
    this.#context = context;
    if (path !== undefined && path !== '-') this.#file = openFile(path, context.options.timeout);
  }

  get sink(): Sink {
    this.#context.stdout.beforeWrite?.();
    return this.#file ?? this.#context.stdout;
  }

  /**
   * Ends the command's data: the file takes its place, where the command succeeded.
   *
   * @param exit undefined or 0 for a success
   * @returns it
   * @throws UdrvError: some file systems report only when it is closed that the disk is full
   */
  end<T extends number | undefined>(exit: T): T {
    if (!exit) this.#file?.finish();
    return exit;
  }

  /** Closes the file. Says what is in it, where the command did not succeed. */
  [Symbol.dispose](): void {
    const left = this.#file?.leave();
    if (left !== undefined) this.#context.note(left);
  }
}

/** The ways in which a file is written. */
type Way =
  /** A new file, which is removed again where nothing was written. */
  | { kind: 'new'; target: string }
  /** A file beside the one that is there, whose place it takes in the end. */
  | { kind: 'beside'; target: string; partial: string }
  /** The file that is there, which is overwritten from the first byte on: none could be made beside it. */
  | { kind: 'over' }
  /** Something that is no file: a FIFO, a terminal. */
  | { kind: 'stream' };

class OutputFile implements Sink, Destination {
  readonly isTTY = false;
  readonly fd: number;
  readonly #path: string;
  readonly #way: Way;
  readonly #cleanup = new Cleanup();
  #hasBegun = false;
  #isClosed = false;
  #isFinished = false;

  constructor(path: string, fd: number, way: Way) {
    this.#path = path;
    this.fd = fd;
    this.#way = way;
    this.#cleanup.defer(() => {
      this.#isClosed = true;
      attempt('close', path, () => closeSync(fd));
    });
  }

  write(data: string | Buffer): void {
    if (data.length === 0) return;
    this.#begin();
    const start = this.#size();
    try {
      write(this, data);
    } catch (error) {
      if (typeof data === 'string' && this.#way.kind !== 'stream') this.#keepLines(Buffer.from(data), start);
      throw error;
    }
  }

  failure(code: string): Error {
    return fileError(new SysError('write', code, this.#path));
  }

  finish(): void {
    this.#begin();
    this.#cleanup.close();
    const way = this.#way;
    if (way.kind === 'beside') attempt('rename', this.#path, () => renameSync(way.partial, way.target));
    this.#isFinished = true;
  }

  /** Closes the file, if it is not finished. @returns a text that says what is in it */
  leave(): string | undefined {
    if (this.#isFinished) return undefined;
    this.#isFinished = true;
    const way = this.#way;
    // All is written, and could not take its place.
    if (this.#isClosed)
      return way.kind === 'beside' ? `${this.#path}: is as it was; ${way.partial} has all` : undefined;
    const size = this.#size();
    this.#cleanup.close();
    const bytes = size === 1 ? 'byte' : `${size} bytes`;
    switch (way.kind) {
      case 'new':
        if (size > 0) return `${this.#path}: has the first ${bytes}`;
        rmSync(way.target, { force: true });
        return undefined;
      case 'beside':
        if (size > 0) return `${this.#path}: is as it was; ${way.partial} has the first ${bytes}`;
        rmSync(way.partial, { force: true });
        return undefined;
      case 'over':
        return this.#hasBegun ? `${this.#path}: has the first ${bytes}` : undefined;
      case 'stream':
        return undefined;
    }
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    if (this.#way.kind === 'over') attempt('truncate', this.#path, () => ftruncateSync(this.fd));
  }

  #size(): number {
    return this.#way.kind === 'stream' ? 0 : attempt('stat', this.#path, () => fstatSync(this.fd).size);
  }

  /** Cuts off the line whose end was not written. @param start of the text in the file */
  #keepLines(text: Buffer, start: number): void {
    const written = text.subarray(0, this.#size() - start);
    attempt('truncate', this.#path, () => ftruncateSync(this.fd, start + written.lastIndexOf('\n') + 1));
  }
}

function openFile(path: string, timeoutMs: number | undefined): OutputFile {
  const found = attempt('stat', path, () => statSync(path, { throwIfNoEntry: false }));
  const open = (flags: string | number) => attempt('open', path, () => openSync(path, flags, 0o666));
  if (found === undefined) {
    const fd = open('w');
    return new OutputFile(path, fd, { kind: 'new', target: attempt('realpath', path, () => realpathSync(path)) });
  }
  if (found.isFIFO() && timeoutMs !== undefined)
    return new OutputFile(path, openFifo(path, timeoutMs), { kind: 'stream' });
  if (!found.isFile()) return new OutputFile(path, open('w'), { kind: 'stream' });
  // A file that may not be written is not replaced either.
  attempt('open', path, () => accessSync(path, W_OK));
  return openBeside(path, found) ?? new OutputFile(path, open(O_WRONLY), { kind: 'over' });
}

/** Opens a file beside one, with its owner and mode. @returns null where that cannot be */
function openBeside(path: string, { dev, ino, uid, gid, mode }: Stats): OutputFile | null {
  try {
    return acquiring((cleanup) => {
      const target = realpathSync(path);
      const there = statSync(target);
      // /dev/stdout may be a file that has no name any more.
      if (there.dev !== dev || there.ino !== ino) return null;
      const partial = `${target}.partial`;
      rmSync(partial, { force: true });
      const fd = openSync(partial, 'wx', 0o600);
      cleanup.defer(() => rmSync(partial, { force: true }));
      cleanup.defer(() => closeSync(fd));
      const made = fstatSync(fd);
      if (made.uid !== uid || made.gid !== gid) fchownSync(fd, uid, gid);
      fchmodSync(fd, mode & 0o7777);
      return new OutputFile(path, fd, { kind: 'beside', target, partial });
    });
  } catch {
    // It is written over then.
    return null;
  }
}

/** Opens a FIFO once somebody reads from it. @throws UdrvError exit 6 where nobody does */
function openFifo(path: string, timeoutMs: number): number {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return sysCall('open', path, () => openSync(path, O_WRONLY | O_NONBLOCK));
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.code !== 'ENXIO') throw fileError(error);
      if (performance.now() >= deadline) throw silent(path, 'nobody reads from it', timeoutMs);
      sleep(LOOK_MS);
    }
  }
}

/** Runs a call on a file that the user named; its error becomes the user's, by {@link fileError}. */
function attempt<T>(syscall: string, path: string, body: () => T): T {
  try {
    return sysCall(syscall, path, body);
  } catch (error) {
    throw error instanceof SysError ? fileError(error) : error;
  }
}

/** Returns the user's error for a data file: exit 4 where it may not be accessed, else 1, as exit 3 is for devices. */
export function fileError(error: SysError): UdrvError {
  const exit = error.code === 'EACCES' || error.code === 'EPERM' ? Exit.permission : Exit.failed;
  return fromSysError(error, { exit });
}
