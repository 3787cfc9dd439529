import { endianness } from 'node:os';
import type { Range } from '../../model/registers';
import { hexWord } from '../../model/registers';
import type { Width, Word } from '../../sys/sys';

/** One line of a dump; offset and content apart, so that equal contents can be folded. */
export interface Line {
  offset: string;
  content: string;
}

const BYTES_PER_LINE = 16;

/** `OFFSET  WORD WORD ...`: register values. */
export function* wordLines(words: Iterable<Word>, range: Range, width: Width): Generator<Line> {
  for (const { offset, row } of rows(words, range, width))
    yield { offset, content: row.map((word) => hexWord(word, width)).join(' ') };
}

/** Bytes in the order of their addresses, with ASCII, as `hexdump -C` shows them. Each register is read in its width all the same. */
export function* hexLines(words: Iterable<Word>, range: Range, width: Width): Generator<Line> {
  for (const { offset, row } of rows(words, range, width)) {
    const bytes = Buffer.alloc(row.length * width);
    for (const [i, word] of row.entries()) putWord(bytes, i * width, width, word);
    const pairs = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
    const ascii = bytes.toString('latin1').replace(/[^ -~]/g, '.');
    yield { offset, content: `${pairs.join(' ').padEnd(3 * BYTES_PER_LINE - 1)}  |${ascii}|` };
  }
}

function* rows(words: Iterable<Word>, range: Range, width: Width): Generator<{ offset: string; row: Word[] }> {
  const digits = Math.max(4, (range.offset + range.length).toString(16).length);
  const label = (offset: number) => `0x${offset.toString(16).padStart(digits, '0')}`;
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

/** Puts a register's value where its bytes lie in the device's memory: it was read in the CPU's byte order. */
export function putWord(buffer: Buffer, at: number, width: Width, word: Word): void {
  const little = endianness() === 'LE';
  if (typeof word === 'bigint') little ? buffer.writeBigUInt64LE(word, at) : buffer.writeBigUInt64BE(word, at);
  else little ? buffer.writeUIntLE(word, at, width) : buffer.writeUIntBE(word, at, width);
}
