import * as fs from 'node:fs';
import { Cleanup } from '../../cleanup';
import { SysError, usageError } from '../../errors';
import { sysCall } from '../../sys/linux/node-fs';
import { hexBytes } from '../../text/hex';
import type { Source } from '../../usb/transfer/streams';
import { fileError } from '../output/file';

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
 */
export function openData(text: string): Data {
  if (text === '-') return streamed(process.stdin, 'standard input');
  if (text.startsWith('@')) return fromFile(text.slice(1));
  const bytes = parseHexBytes(text);
  return { source: [bytes], length: bytes.length, [Symbol.dispose]() {} };
}

/** Reads all that `--data` names. @throws usage beyond `limit` bytes */
export async function readData(text: string, limit: number): Promise<Buffer> {
  using data = openData(text);
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

function fromFile(path: string): Data {
  const cleanup = new Cleanup();
  try {
    const fd = sysCall('open', path, () => fs.openSync(path, 'r'));
    cleanup.defer(() => fs.closeSync(fd));
    const stat = fs.fstatSync(fd);
    // A directory can be opened, and only a read would tell: by then the device is open and the interface claimed.
    if (stat.isDirectory()) throw new SysError('read', 'EISDIR', path);
    if (stat.isFile()) return regular(fd, path, stat.size, cleanup);
    return streamed(fs.createReadStream(path, { fd, highWaterMark: PIECE }), path);
  } catch (error) {
    cleanup.close();
    throw error instanceof SysError ? fileError(error) : error;
  }
}

/** @param cleanup closes the descriptor */
function regular(fd: number, path: string, length: number, cleanup: Cleanup): Data {
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
function streamed(stream: NodeJS.ReadableStream & { destroy(): unknown }, path: string): Data {
  let ended = false;
  async function* source(): AsyncGenerator<Buffer> {
    try {
      for await (const piece of stream) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
    } catch (error) {
      if (ended) return;
      const { code } = error as NodeJS.ErrnoException;
      throw code === undefined ? error : fileError(new SysError('read', code, path));
    }
  }
  return {
    source: source(),
    length: undefined,
    [Symbol.dispose]() {
      ended = true;
      stream.destroy();
    },
  };
}
