import type { Region } from '../../model/device';
import { checkRange, hexWord, type Range, registersSize } from '../../model/registers';
import type { Width, Word } from '../../sys/sys';
import type { OpenOptions } from '../../vfio/device/device';
import type { Context } from '../context';
import { hexLines, type Line, putWord, wordLines } from '../output/dump';
import { json } from '../output/escape';
import { outputTo, type Sink } from '../output/file';
import { LineWriter } from '../output/lines';
import { parseRange } from '../parse';
import { expectRegion, type FindTarget, noteAllOnes, uioTarget, vfioTarget } from './target';

interface DumpOptions {
  width: Width;
  format: 'words' | 'hex' | 'bin';
  output?: string;
}

export function dumpUio(context: Context, ...request: [string, string, string | undefined, DumpOptions]): undefined {
  dump(context, uioTarget, ...request);
}

export function dumpVfio(
  context: Context,
  selector: string,
  region: string,
  range: string | undefined,
  options: DumpOptions & OpenOptions,
): undefined {
  dump(context, vfioTarget(options), selector, region, range, options);
}

function dump(
  context: Context,
  find: FindTarget,
  selector: string,
  regionName: string,
  rangeText: string | undefined,
  { width, format, output }: DumpOptions,
): void {
  const target = find(context, selector);
  const asked = rangeText === undefined ? undefined : parseRange(rangeText, width);
  const expected = expectRegion(target, regionName);
  checkRange(target.address, expected, asked ?? whole(expected, width), width);
  using device = target.open({ write: false });
  const registers = device.region(regionName);
  const range = asked ?? whole(registers.info, width);
  // The first before the output is opened: a dump that cannot begin leaves an existing file alone.
  const words = new Noticing(begun(registers.words(range, width)), width);
  using out = outputTo(context.stdout, output);
  if (format === 'bin') writeBytes(out, words, width);
  else if (context.options.json) writeJson(out, words, { region: regionName, offset: range.offset, width });
  else writeLines(out, format === 'hex' ? hexLines(words, range, width) : wordLines(words, range, width));
  if (words.allOnes) noteAllOnes(context, target, regionName);
}

/** Words that pass by, and whether all of them were ones. */
class Noticing implements Iterable<Word> {
  allOnes = false;
  readonly #words: Iterable<Word>;
  readonly #ones: Word;

  constructor(words: Iterable<Word>, width: Width) {
    this.#words = words;
    this.#ones = width === 8 ? 2n ** 64n - 1n : 2 ** (8 * width) - 1;
  }

  *[Symbol.iterator](): Generator<Word> {
    let others = 0;
    let words = 0;
    for (const word of this.#words) {
      words++;
      if (word !== this.#ones) others++;
      yield word;
    }
    this.allOnes = words > 0 && others === 0;
  }
}

/** A region whose size is no multiple of the width ends with a piece that cannot be read in that width. */
function whole(region: Region, width: Width): Range {
  const size = registersSize(region);
  return { offset: 0, length: size - (size % width) };
}

function begun<T>(items: Generator<T>): Iterable<T> {
  const first = items.next();
  return (function* () {
    if (!first.done) yield first.value;
    yield* items;
  })();
}

/** A dump can be gigabytes long: it is written as it is read, in pieces of this size. */
const PIECE = 64 * 1024;

function writeBytes(out: Sink, words: Iterable<Word>, width: Width): void {
  const piece = Buffer.alloc(PIECE);
  let used = 0;
  for (const word of words) {
    putWord(piece, used, width, word);
    used += width;
    if (used === PIECE) {
      out.write(piece);
      used = 0;
    }
  }
  out.write(piece.subarray(0, used));
}

function writeJson(out: Sink, words: Iterable<Word>, head: { region: string; offset: number; width: Width }): void {
  let text = `${json(head).slice(0, -1)},"words":[`;
  let separator = '';
  for (const word of words) {
    text += `${separator}"${hexWord(word, head.width)}"`;
    separator = ',';
    if (text.length >= PIECE) {
      out.write(text);
      text = '';
    }
  }
  out.write(`${text}]}\n`);
}

function writeLines(out: Sink, lines: Iterable<Line>): void {
  const writer = new LineWriter(out);
  for (const line of lines) writer.write(line);
  writer.end();
}
