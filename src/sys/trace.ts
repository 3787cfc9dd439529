import { inspect } from 'node:util';
import { errnoMessage, SysError } from '../errors';
import { hex, hexDigits } from '../text/hex';
import type { DecodedIoctl, IoctlDecoder } from '../uapi/ioctl-decoder';
import { readOrPoll, unprepared } from './composed';
import type {
  Access,
  Datagram,
  Mapping,
  Memory,
  MemoryOptions,
  OpenOptions,
  Permissions,
  PollEvent,
  PollResult,
  Sys,
  Unanswered,
  Watch,
  Width,
  Word,
} from './sys';

/** The bytes of a buffer that a line shows at most. */
const SHOWN_BYTES = 64;

/**
 * Makes a machine whose every call on a device is printed, decoded, when it returns: `read(uio0, 4) = 4 [01 00 00 00]`.
 * Inspection (reading sysfs) is not. The trace makes no call of its own, and no access to a register.
 *
 * @param print takes one line without its newline; nothing in it can drive a terminal
 * @param decoders asked in turn for each ioctl
 * @param begin takes the beginning of a line, which the next `print` ends: an access to a mapping is shown before it is
 *   made, because SIGBUS may end the process there. Without it, each line is printed when its call returns
 */
export function traced(
  sys: Sys,
  print: Print,
  decoders: readonly IoctlDecoder[] = [],
  begin: Print | null = null,
): Sys {
  return new TracedSys(sys, safely(print), decoders, begin === null ? null : safely(begin));
}

/** Takes the text of a call. */
export type Print = (text: string) => void;

/** A line that cannot be written must not look like a call that failed: the caller would lose what the call gave. */
function safely(print: Print): Print {
  return (text) => void attempt(() => print(escapeLine(text)));
}

class TracedSys implements Sys {
  readonly #sys: Sys;
  readonly #print: Print;
  readonly #decoders: readonly IoctlDecoder[];
  readonly #begin: Print | null;
  /** The names of the open descriptors. */
  readonly #labels = new Map<number, string>();

  constructor(sys: Sys, print: Print, decoders: readonly IoctlDecoder[], begin: Print | null) {
    this.#sys = sys;
    this.#print = print;
    this.#decoders = decoders;
    this.#begin = begin;
  }

  get pageSize(): number {
    return this.#sys.pageSize;
  }

  readFile(path: string, limit?: number): Buffer {
    return this.#sys.readFile(path, limit);
  }

  readDir(path: string): string[] {
    return this.#sys.readDir(path);
  }

  readLink(path: string): string {
    return this.#sys.readLink(path);
  }

  access(path: string): Access | null {
    return this.#sys.access(path);
  }

  permissions(path: string): Permissions | null {
    return this.#sys.permissions(path);
  }

  writeFile(path: string, data: string): void {
    traceCall(
      this.#print,
      () => `write(${path}, ${quote(data)})`,
      () => this.#sys.writeFile(path, data),
    );
  }

  replaceFile(path: string, data: string): void {
    traceCall(
      this.#print,
      () => `replace(${path}, ${quote(data)})`,
      () => this.#sys.replaceFile(path, data),
    );
  }

  removeFile(path: string): void {
    traceCall(
      this.#print,
      () => `unlink(${path})`,
      () => this.#sys.removeFile(path),
    );
  }

  open(path: string, flags: OpenOptions): number {
    const names = [flags.write ? 'O_RDWR' : 'O_RDONLY'];
    if (flags.nonblock) names.push('O_NONBLOCK');
    if (flags.exclusive) names.push('O_EXCL');
    if (flags.sync) names.push('O_SYNC');
    const fd = traceCall(
      this.#print,
      () => `open(${path}, ${names.join('|')})`,
      () => this.#sys.open(path, flags),
      String,
    );
    this.#name(fd, flags.name ?? labelOf(path));
    return fd;
  }

  close(fd: number): void {
    const label = this.#label(fd);
    // The descriptor is gone, whatever close says.
    this.#labels.delete(fd);
    traceCall(
      this.#print,
      () => `close(${label})`,
      () => this.#sys.close(fd),
      () => '0',
    );
  }

  read(fd: number, buffer: Buffer): number {
    return traceCall(
      this.#print,
      () => `read(${this.#label(fd)}, ${buffer.length})`,
      () => this.#sys.read(fd, buffer),
      (length) => transferred(buffer, length),
    );
  }

  write(fd: number, buffer: Buffer): number {
    return traceCall(
      this.#print,
      () => `write(${this.#label(fd)}, ${bytesText(buffer)})`,
      () => this.#sys.write(fd, buffer),
      String,
    );
  }

  pread(fd: number, buffer: Buffer, position: number): number {
    return traceCall(
      this.#print,
      () => `pread(${this.#label(fd)}, ${buffer.length}, ${number(position)})`,
      () => this.#sys.pread(fd, buffer, position),
      (length) => transferred(buffer, length),
    );
  }

  pwrite(fd: number, buffer: Buffer, position: number): number {
    return traceCall(
      this.#print,
      () => `pwrite(${this.#label(fd)}, ${bytesText(buffer)}, ${number(position)})`,
      () => this.#sys.pwrite(fd, buffer, position),
      String,
    );
  }

  preadWords(fd: number, buffer: Buffer, width: Width, position: number): number {
    return traceCall(
      this.#print,
      () => `preadv(${this.#label(fd)}, ${Math.floor(buffer.length / width)} * ${width}, ${number(position)})`,
      () => this.#sys.preadWords(fd, buffer, width, position),
      (length) => transferred(buffer, length),
    );
  }

  ioctl(fd: number, request: number, argument: Buffer | number): number {
    return this.#ioctl(fd, request, argument, () => this.#sys.ioctl(fd, request, argument));
  }

  preparedIoctl(fd: number, request: number, argument: Buffer, expected?: string): () => number {
    return unprepared(this, fd, request, argument, expected);
  }

  ioctlOpen(fd: number, request: number, argument: Buffer | number, name: string): number {
    const opened = this.#ioctl(fd, request, argument, () => this.#sys.ioctlOpen(fd, request, argument, name));
    this.#name(opened, name);
    return opened;
  }

  mmap(fd: number, length: number, writable: boolean, offset: number, unanswered?: Unanswered): Mapping {
    const label = this.#label(fd);
    const protection = writable ? 'PROT_READ|PROT_WRITE' : 'PROT_READ';
    const mapping = traceCall(
      this.#print,
      () => `mmap(${label}, ${number(length)}, ${protection}, ${number(offset)})`,
      () => this.#sys.mmap(fd, length, writable, offset, unanswered),
    );
    return new TracedMapping(mapping, `${label} mmap ${number(offset)}`, this.#print, this.#begin);
  }

  allocate(length: number, options: MemoryOptions = {}): Memory {
    const { hugePage, numaNode } = options;
    const pages = hugePage === undefined ? '' : `, hugePage ${number(hugePage)}`;
    const node = numaNode === undefined ? '' : `, node ${numaNode}`;
    return traceCall(
      this.#print,
      () => `allocate(${number(length)}${pages}${node})`,
      () => this.#sys.allocate(length, options),
      ({ address }) => number(address),
    );
  }

  allocateDma(fd: number, length: number, options?: { uncached?: boolean }): Memory {
    return traceCall(
      this.#print,
      () => `mmap(${this.#label(fd)}, ${number(length)}, PROT_READ|PROT_WRITE, ${number(0)})`,
      () => this.#sys.allocateDma(fd, length, options),
      ({ address }) => number(address),
    );
  }

  ueventSocket(groups: number): number {
    const fd = traceCall(
      this.#print,
      () => `uevents(${number(groups)})`,
      () => this.#sys.ueventSocket(groups),
      String,
    );
    this.#name(fd, 'uevents');
    return fd;
  }

  receive(fd: number, buffer: Buffer): Datagram {
    return traceCall(
      this.#print,
      () => `recvfrom(${this.#label(fd)}, ${buffer.length})`,
      () => this.#sys.receive(fd, buffer),
      ({ length, port, groups }) => `${length} {port: ${port}, groups: ${number(groups)}}`,
    );
  }

  eventfd(): number {
    const fd = traceCall(
      this.#print,
      () => 'eventfd()',
      () => this.#sys.eventfd(),
      String,
    );
    this.#name(fd, 'eventfd');
    return fd;
  }

  poll(fd: number, timeoutMs: number, event?: PollEvent): PollResult {
    return traceCall(
      this.#print,
      () => `poll(${[this.#label(fd), timeoutMs, ...(event ? [event] : [])].join(', ')})`,
      () => this.#sys.poll(fd, timeoutMs, event),
      (result) => result,
    );
  }

  readWithin(fd: number, buffer: Buffer, timeoutMs: number): PollResult {
    // Each line is one system call.
    return readOrPoll(this, fd, buffer, timeoutMs);
  }

  watch(fd: number, onReady: () => void, event?: PollEvent): Watch {
    const label = this.#label(fd);
    const watch = traceCall(
      this.#print,
      () => `watch(${[label, ...(event ? [event] : [])].join(', ')})`,
      () =>
        this.#sys.watch(
          fd,
          () => {
            this.#print(`wake(${label})`);
            onReady();
          },
          event,
        ),
    );
    let open = true;
    return {
      close: () => {
        if (open) this.#print(`unwatch(${label})`);
        open = false;
        watch.close();
      },
    };
  }

  #label(fd: number): string {
    return this.#labels.get(fd) ?? `descriptor ${fd}`;
  }

  /** The second of two that are open under one name has its number added. */
  #name(fd: number, label: string): void {
    const taken = label === 'eventfd' || [...this.#labels.values()].includes(label);
    this.#labels.set(fd, taken ? `${label} #${fd}` : label);
  }

  #ioctl(fd: number, request: number, argument: Buffer | number, call: () => number): number {
    const label = this.#label(fd);
    const ioctl = this.#decode(request, argument, label);
    return traceCall(
      this.#print,
      () => `ioctl(${[label, ioctl.name, ...(ioctl.in === '' ? [] : [ioctl.in])].join(', ')})`,
      call,
      (value) => ioctl.out?.(value) ?? String(value),
    );
  }

  #decode(request: number, argument: Buffer | number, label: string): DecodedIoctl {
    for (const decoder of this.#decoders) {
      const ioctl = attempt(() => decoder(request, argument, label));
      if (!ioctl) continue;
      const { out } = ioctl;
      return out === undefined ? ioctl : { ...ioctl, out: (result) => attempt(() => out(result)) ?? String(result) };
    }
    return unknownIoctl(request, argument);
  }
}

/** Device memory whose accesses are printed: each is made once, and what it gave is what is shown. */
class TracedMapping implements Mapping {
  readonly #mapping: Mapping;
  readonly #label: string;
  readonly #print: Print;
  readonly #begin: Print | null;
  #closed = false;

  constructor(mapping: Mapping, label: string, print: Print, begin: Print | null) {
    this.#mapping = mapping;
    this.#label = label;
    this.#print = print;
    this.#begin = begin;
  }

  get length(): number {
    return this.#mapping.length;
  }

  read(offset: number, width: Width): Word {
    return traceCall(
      this.#print,
      () => `load(${this.#label}, ${number(offset)}, ${width})`,
      () => this.#mapping.read(offset, width),
      (value) => hex(value, 2 * width),
      this.#begin,
    );
  }

  write(offset: number, width: Width, value: Word): void {
    traceCall(
      this.#print,
      () => `store(${this.#label}, ${number(offset)}, ${width}, ${number(value)})`,
      () => this.#mapping.write(offset, width, value),
      () => null,
      this.#begin,
    );
  }

  reader(offset: number, width: Width): () => Word {
    return () => this.read(offset, width);
  }

  writer(offset: number, width: Width): (value: Word) => void {
    return (value) => this.write(offset, width, value);
  }

  close(): void {
    // The second close does nothing, and is nothing to see.
    if (this.#closed) {
      this.#mapping.close();
      return;
    }
    this.#closed = true;
    traceCall(
      this.#print,
      () => `munmap(${this.#label})`,
      () => this.#mapping.close(),
    );
  }

  [inspect.custom](): string {
    return `TracedMapping(${this.#label})`;
  }
}

/**
 * Makes a call and prints a line when it is over, whichever way.
 *
 * @param describe the call, before it is made: what it passes in may be overwritten by what comes back
 * @param outcome null: the call has nothing to say for itself
 * @param begin prints the description before the call
 */
function traceCall<T>(
  print: Print,
  describe: () => string,
  call: () => T,
  outcome: (result: T) => string | null = () => 'ok',
  begin: Print | null = null,
): T {
  const text = describe();
  begin?.(text);
  const end = (result: string) => print(begin === null ? `${text}${result}` : result);
  let result: T;
  try {
    result = call();
  } catch (error) {
    end(` = ${failure(error)}`);
    throw error;
  }
  const shown = outcome(result);
  end(shown === null ? '' : ` = ${shown}`);
  return result;
}

function failure(error: unknown): string {
  if (error instanceof SysError) return `-1 ${error.code} (${errnoMessage(error.code)})`;
  // Refused before the kernel was asked.
  return `refused (${(error as Partial<Error> | null)?.message ?? String(error)})`;
}

function unknownIoctl(request: number, argument: Buffer | number): DecodedIoctl {
  // An ioctl that the C library took as signed has its highest bit set, not a minus.
  const name = number(request >>> 0);
  if (typeof argument === 'number') return { name, in: number(argument) };
  const before = bytesText(argument);
  return {
    name,
    in: before,
    out: (result) => {
      const after = bytesText(argument);
      return after === before ? String(result) : `${result} ${after}`;
    },
  };
}

/** Null where it throws: the trace's own failures must not become the call's. */
function attempt<T>(body: () => T): T | null {
  try {
    return body();
  } catch {
    return null;
  }
}

/** The short name of a device node, as people speak of it; the path of anything else. */
function labelOf(path: string): string {
  if (!path.startsWith('/dev/')) return path;
  const name = path.slice('/dev/'.length);
  if (name === 'vfio/vfio') return 'vfio-container';
  if (name === 'iommu') return 'iommufd';
  const usb = /^bus\/usb\/(\d+\/\d+)$/.exec(name);
  if (usb !== null) return `usb ${usb[1]}`;
  const vfio = /^vfio\/(devices\/)?([^/]+)$/.exec(name);
  if (vfio !== null) return `${vfio[1] === undefined ? 'vfio-group' : 'vfio-device'} ${vfio[2]}`;
  return name;
}

/** Returns a read's result as text: its length, and as many bytes. */
function transferred(buffer: Buffer, length: number): string {
  return length > 0 ? `${length} ${bytesText(buffer.subarray(0, length))}` : String(length);
}

/** `[01 00]`, with the number of the bytes that are not shown. */
function bytesText(buffer: Buffer): string {
  const bytes = Array.from(buffer.subarray(0, SHOWN_BYTES), (byte) => hexDigits(byte, 2));
  if (buffer.length > SHOWN_BYTES) bytes.push(`... +${buffer.length - SHOWN_BYTES}`);
  return `[${bytes.join(' ')}]`;
}

function number(value: number | bigint): string {
  return value < 0 ? `-${hex(-value)}` : hex(value);
}

/** Returns a string literal as in C. */
function quote(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

/** Escapes what must not reach a terminal: control characters, and the invisible ones that reorder or break lines. */
function escapeLine(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${hexDigits(code, 2)}` : `\\u{${hexDigits(code)}}`;
  });
}
