import * as fs from 'node:fs';
import { Cleanup } from '../../cleanup';
import { SysError, usageError } from '../../errors';
import { sysCall } from '../../sys/linux/node-fs';
import { hexBytes } from '../../text/hex';
import type { Source } from '../../usb/transfer/streams';
import { fileError } from '../output/file';
import { openInput, piecesOf } from '../program/input';

/** The bytes that `--data` names, for a command to send. Disposing of it ends the source, also while it is waited for. */
export interface Data extends Disposable {
  source: Source;
  /** In bytes, undefined where it is not known. */
  length: number | undefined;
}

/** The options that say what to send. */
export interface DataOptions {
  data?: string;
  text?: Buffer;
}

/** Returns the data to send in the form of `--data`; undefined where none is given. @throws usage for both options */
export function givenData({ data, text }: DataOptions): string | undefined {
  if (text === undefined) return data;
  if (data !== undefined) throw usageError('--data and --text', 'both say what to send: give one');
  return text.toString('hex');
}

/** Bytes that are read at a time from a file. */
const PIECE = 256 * 1024;

/**
 * Opens what `--data` names: hex digits, the content of a file after `@`, or standard input (`-`). A file is read as its
 * bytes are wanted: it may be of any length.
 *
 * @param timeoutMs bound on each wait for a pipe or FIFO that says nothing; none if not given
 * @throws UdrvError exit 6 where nobody writes to a FIFO, as the source does where nothing more comes
 */
export function openData(text: string, timeoutMs?: number): Data {
  if (text === '-') return fromFile(0, '-', timeoutMs);
  if (text.startsWith('@')) return fromFile(undefined, text.slice(1), timeoutMs);
  const bytes = parseHexBytes(text);
  return { source: [bytes], length: bytes.length, [Symbol.dispose]() {} };
}

/** Reads all that `--data` names. @throws usage beyond `limit` bytes */
export async function readData(text: string, limit: number, timeoutMs?: number): Promise<Buffer> {
  using data = openData(text, timeoutMs);
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of data.source) {
    pieces.push(Uint8Array.from(piece));
    total += piece.length;
    if (total > limit) throw usageError('--data', `is too long: ${limit} bytes at most`);
  }
  return Buffer.concat(pieces);
}

/** Parses `12010002`, also with blanks or colons between, or with 0x in front. */
export function parseHexBytes(text: string): Buffer {
  const bytes = hexBytes(text);
  if (bytes === null)
    throw usageError(
      text,
      'is not data: an even number of hex digits',
      'write --data 12010002, --data @FILE or --data -',
    );
  return bytes;
}

/** @param given the descriptor, where it is open already and not ours to close */
function fromFile(given: number | undefined, path: string, timeoutMs: number | undefined): Data {
  const cleanup = new Cleanup();
  const name = given === undefined ? path : 'standard input';
  try {
    const fd = given ?? openInput(path, timeoutMs);
    if (given === undefined) cleanup.defer(() => fs.closeSync(fd));
    const stat = sysCall('fstat', name, () => fs.fstatSync(fd));
    // A directory can be opened, and only a read would tell: by then the device is open and the interface claimed.
    if (stat.isDirectory()) throw new SysError('read', 'EISDIR', name);
    if (stat.isFile()) return regular(fd, name, stat.size, cleanup);
    // The memory devices, such as /dev/zero, have always something, and cannot be watched.
    if (stat.isBlockDevice() || (stat.isCharacterDevice() && stat.rdev >> 8 === 1))
      return regular(fd, name, undefined, cleanup);
    return streamed(fd, name, timeoutMs, cleanup);
  } catch (error) {
    cleanup.close();
    throw error instanceof SysError ? fileError(error) : error;
  }
}

/** @param cleanup closes the descriptor */
function regular(fd: number, path: string, length: number | undefined, cleanup: Cleanup): Data {
  let ended = false;
  cleanup.defer(() => {
    ended = true;
  });
  function* pieces(): Generator<Buffer> {
    const buffer = Buffer.allocUnsafe(PIECE);
    while (!ended) {
      const count = sysCall('read', path, () => fs.readSync(fd, buffer, 0, buffer.length, null));
      if (count === 0) return;
      yield buffer.subarray(0, count);
    }
  }
  return { source: pieces(), length, [Symbol.dispose]: () => cleanup.close() };
}

/** Reads without blocking: transfers in flight are served while it waits, and a signal ends it. */
function streamed(fd: number, path: string, timeoutMs: number | undefined, cleanup: Cleanup): Data {
  const ended = new AbortController();
  const pieces = piecesOf(fd, path, { size: PIECE, timeoutMs, signal: ended.signal });
  async function* source(): AsyncGenerator<Buffer> {
    try {
      yield* pieces;
    } catch (error) {
      throw error instanceof SysError ? fileError(error) : error;
    }
  }
  cleanup.defer(() => ended.abort());
  return { source: source(), length: undefined, [Symbol.dispose]: () => cleanup.close() };
}
