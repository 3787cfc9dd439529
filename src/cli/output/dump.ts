import { endianness } from 'node:os';
import type { Range } from '../../model/registers';
import { hexWord } from '../../model/registers';
import type { Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';

/** One line of a dump. Offset and content are apart, so that equal contents can be folded. */
export interface Line {
  offset: string;
  content: string;
}

const BYTES_PER_LINE = 16;

/** Makes lines of register values: `OFFSET  WORD WORD ...`. */
export function* wordLines(words: Iterable<Word>, range: Range, width: Width): Generator<Line> {
  for (const { offset, row } of rows(words, range, width))
    yield { offset, content: row.map((word) => hexWord(word, width)).join(' ') };
}

/** Makes lines of bytes in the order of their addresses, with ASCII, as `hexdump -C` does. */
export function* hexLines(words: Iterable<Word>, range: Range, width: Width): Generator<Line> {
  for (const { offset, row } of rows(words, range, width)) {
    const bytes = Buffer.alloc(row.length * width);
    for (const [i, word] of row.entries()) putWord(bytes, i * width, width, word);
    yield { offset, content: hexAndAscii(bytes) };
  }
}

/** Makes lines, as {@link hexLines} does, of bytes that come in pieces of any length. */
export class ByteLines {
  readonly #digits: number;
  /** Bytes that are not yet a whole line. */
  #rest = Buffer.alloc(0);
  #offset: number;

  /**
   * @param end the highest offset that may come: all have as many digits as it has
   * @param offset of the first byte
   */
  constructor(end: number, offset = 0) {
    this.#digits = digitsFor(end);
    this.#offset = offset;
  }

  /** Returns the lines that the piece completes. The piece may change afterwards. */
  *add(piece: Buffer): Generator<Line> {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const whole = bytes.length - (bytes.length % BYTES_PER_LINE);
    for (let at = 0; at < whole; at += BYTES_PER_LINE) yield this.#line(bytes.subarray(at, at + BYTES_PER_LINE));
    this.#rest = Buffer.from(bytes.subarray(whole));
  }

  *end(): Generator<Line> {
    if (this.#rest.length > 0) yield this.#line(this.#rest);
    this.#rest = Buffer.alloc(0);
  }

  #line(bytes: Buffer): Line {
    const offset = offsetLabel(this.#offset, this.#digits);
    this.#offset += bytes.length;
    return { offset, content: hexAndAscii(bytes) };
  }
}

function hexAndAscii(bytes: Buffer): string {
  const pairs = bytes.toString('hex').replace(/..(?!$)/g, '$& ');
  const ascii = bytes.toString('latin1').replace(/[^ -~]/g, '.');
  return `${pairs.padEnd(3 * BYTES_PER_LINE - 1)}  |${ascii}|`;
}

const digitsFor = (end: number) => Math.max(4, end.toString(16).length);
const offsetLabel = (offset: number, digits: number) => hex(offset, digits);

function* rows(words: Iterable<Word>, range: Range, width: Width): Generator<{ offset: string; row: Word[] }> {
  const digits = digitsFor(range.offset + range.length);
  const label = (offset: number) => offsetLabel(offset, digits);
  let offset = range.offset;
  let row: Word[] = [];
  for (const word of words) {
    row.push(word);
    if (row.length * width < BYTES_PER_LINE) continue;
    yield { offset: label(offset), row };
    offset += BYTES_PER_LINE;
    row = [];
  }
  if (row.length > 0) yield { offset: label(offset), row };
}

/** Puts a register's bytes in the order that they have in the device: the value was read in the CPU's byte order. */
export function putWord(buffer: Buffer, at: number, width: Width, word: Word): void {
  const little = endianness() === 'LE';
  if (typeof word === 'bigint') little ? buffer.writeBigUInt64LE(word, at) : buffer.writeBigUInt64BE(word, at);
  else little ? buffer.writeUIntLE(word, at, width) : buffer.writeUIntBE(word, at, width);
}
