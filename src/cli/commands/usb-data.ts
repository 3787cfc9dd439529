import * as fs from 'node:fs';
import { Exit, fromSysError, SysError, usageError } from '../../errors';
import { sysCall } from '../../sys/linux/node-fs';
import type { Source } from '../../usb/transfer/streams';

/** What `--data` names, for a command to send. */
export interface Data extends Disposable {
  source: Source;
  /** In bytes, undefined where it is not known. */
  length: number | undefined;
}

/** Read at a time from a file. */
const PIECE = 256 * 1024;

/**
 * Opens what `--data` names: bytes as hex digits, the content of a file after `@`, or standard input (`-`). Read as it is wanted:
 * it may be of any length.
 */
export function openData(text: string): Data {
  if (text === '-') return streamed(process.stdin, 'standard input');
  if (text.startsWith('@')) return fromFile(text.slice(1));
  const bytes = parseHexBytes(text);
  return { source: [bytes], length: bytes.length, [Symbol.dispose]() {} };
}

/** @throws usage beyond `limit` bytes */
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

/** `12010002`, also with blanks or colons between, or with 0x in front. */
export function parseHexBytes(text: string): Buffer {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]+/g, '');
  if (!/^([0-9a-f]{2})*$/i.test(digits))
    throw usageError(
      text,
      'is not data: an even number of hex digits',
      'write --data 12010002, --data @FILE or --data -',
    );
  return Buffer.from(digits, 'hex');
}

function fromFile(path: string): Data {
  try {
    const fd = sysCall('open', path, () => fs.openSync(path, 'r'));
    const stat = fs.fstatSync(fd);
    // It opens, and only a read would tell: by then the device is open and the interface claimed.
    if (stat.isDirectory()) {
      fs.closeSync(fd);
      throw new SysError('read', 'EISDIR', path);
    }
    if (!stat.isFile()) return streamed(fs.createReadStream(path, { fd, highWaterMark: PIECE }), path);
    return { source: pieces(fd, path), length: stat.size, [Symbol.dispose]: () => fs.closeSync(fd) };
  } catch (error) {
    throw error instanceof SysError ? fileError(error) : error;
  }
}

function* pieces(fd: number, path: string): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(PIECE);
  for (;;) {
    const length = sysCall('read', path, () => fs.readSync(fd, buffer, 0, buffer.length, null));
    if (length === 0) return;
    yield buffer.subarray(0, length);
  }
}

/** Not blocking: what is on its way is looked after while it waits, and a signal ends it. */
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

function fileError(error: SysError) {
  const exit = error.code === 'EACCES' || error.code === 'EPERM' ? Exit.permission : Exit.failed;
  return fromSysError(error, { exit });
}
