import { closeSync, openSync, statSync } from 'node:fs';
import { Exit, fromSysError, SysError } from '../../errors';
import { type OutputStream, writeSome } from './stream';

/** Where a command's data goes. */
export interface Sink extends Disposable {
  readonly isTTY: boolean;
  write(data: string | Buffer): void;
}

/** Standard output, or the file that `-o` names (`-` is standard output). An existing file is overwritten. */
export function outputTo(stdout: OutputStream, path: string | undefined): Sink {
  if (path === undefined || path === '-')
    return { isTTY: stdout.isTTY, write: (data) => stdout.write(data), [Symbol.dispose]() {} };
  const fd = attempt('open', path, () => openSync(path, 'w', 0o666));
  return {
    isTTY: false,
    write(data) {
      let rest = typeof data === 'string' ? Buffer.from(data) : data;
      while (rest.length > 0) rest = rest.subarray(attempt('write', path, () => writeSome(fd, rest)));
    },
    // close(2) is where some file systems report that the disk is full.
    [Symbol.dispose]: () => attempt('close', path, () => closeSync(fd)),
  };
}

/**
 * Waits, where `-o` names a FIFO, until somebody reads from it, and keeps that so. The open that waits blocks the thread,
 * and no signal is served then: it has to be over before a device is changed that a Ctrl-C must put back.
 */
export function awaitReader(path: string | undefined): Disposable {
  if (path === undefined || !statSync(path, { throwIfNoEntry: false })?.isFIFO()) return { [Symbol.dispose]() {} };
  const fd = attempt('open', path, () => openSync(path, 'w'));
  return { [Symbol.dispose]: () => closeSync(fd) };
}

function attempt<T>(syscall: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EIO';
    const exit = code === 'EACCES' || code === 'EPERM' ? Exit.permission : Exit.failed;
    throw fromSysError(new SysError(syscall, code, path), { exit });
  }
}
