import { parseRange } from '../../model/notation';
import { checkRange, hexWord } from '../../model/registers';
import type { Width, Word } from '../../sys/sys';
import type { DumpDocument } from '../documents/registers';
import { hexLines, type Line, putWord, wordLines } from '../output/dump';
import { json } from '../output/escape';
import { Output, type Sink } from '../output/file';
import { LineWriter } from '../output/lines';
import type { Context } from '../program/context';
import { interruptible, signalCheck } from '../program/signals';
import { MEBIBYTES, Progress } from '../status/progress';
import { expectRange, wholeRange } from './place';
import { type FindTarget, noteAllOnes, openTarget } from './target';

export interface DumpOptions {
  width?: Width;
  map?: string[];
  swap?: boolean;
  format: 'words' | 'hex' | 'bin';
  output?: string;
}

/**
 * Reads the registers of a range, each once, and writes them as they are read: there may be gigabytes of them.
 *
 * @param given the region, `REGION:RANGE`, or a register's name in a map
 */
export async function dumpRegisters(
  context: Context,
  find: FindTarget,
  selector: string,
  given: string,
  rangeText: string | undefined,
  { width: typed, map, swap = false, format, output: path }: DumpOptions,
): Promise<number | undefined> {
  const target = find(context, selector);
  const { region: expected, at, location } = expectRange(context, target, given, rangeText, map);
  const width = typed ?? location?.width ?? 4;
  const asked = at === undefined ? undefined : parseRange(at, width);
  const regionName = expected.name;
  checkRange(target.address, expected, asked ?? wholeRange(expected, width), width);
  using output = new Output(context, path);
  const signalled = await interruptible(async (signal) => {
    using device = openTarget(target, { write: false, swap });
    const registers = device.region(regionName);
    const range = asked ?? wholeRange(registers.info, width);
    const words = new Noticing(registers.words(range, width), width);
    const out = output.sink;
    const wanted = path !== undefined || !context.stdout.isTTY;
    using progress = new Progress(context.status, { unit: MEBIBYTES, total: range.length, wanted });
    const hasCome = signalCheck(signal);
    const interrupted = () => {
      progress.update(words.count * width);
      return hasCome();
    };
    if (format === 'bin') await writeBytes(out, words, width, interrupted);
    else if (context.options.json)
      await writeJson(out, words, { region: regionName, offset: range.offset, width }, interrupted);
    else {
      const lines = format === 'hex' ? hexLines : wordLines;
      await writeLines(out, lines(words, range, width), interrupted);
    }
    if (words.allOnes) noteAllOnes(context, target, regionName);
  });
  return output.end(signalled);
}

/** Words that pass by, how many there were, and whether all of them were ones. */
class Noticing implements Iterable<Word> {
  allOnes = false;
  /** The number of words so far. */
  count = 0;
  readonly #words: Iterable<Word>;
  readonly #ones: Word;

  constructor(words: Iterable<Word>, width: Width) {
    this.#words = words;
    this.#ones = width === 8 ? 2n ** 64n - 1n : 2 ** (8 * width) - 1;
  }

  *[Symbol.iterator](): Generator<Word> {
    let others = 0;
    for (const word of this.#words) {
      this.count++;
      if (word !== this.#ones) others++;
      yield word;
    }
    this.allOnes = this.count > 0 && others === 0;
  }
}

/** Tells between two pieces of a dump whether a signal ends it here. */
type Interrupted = () => Promise<boolean>;

/** Bytes that are written at a time. */
const PIECE = 16 * 1024;
/** Lines between two looks for a signal. */
const LINES = 256;

async function writeBytes(out: Sink, words: Iterable<Word>, width: Width, interrupted: Interrupted): Promise<void> {
  const piece = Buffer.alloc(PIECE);
  let used = 0;
  for (const word of words) {
    putWord(piece, used, width, word);
    used += width;
    if (used < PIECE) continue;
    out.write(piece);
    used = 0;
    if (await interrupted()) break;
  }
  out.write(piece.subarray(0, used));
}

async function writeJson(
  out: Sink,
  words: Iterable<Word>,
  head: Omit<DumpDocument, 'words'>,
  interrupted: Interrupted,
): Promise<void> {
  let text = `${json(head).slice(0, -1)},"words":[`;
  let separator = '';
  for (const word of words) {
    text += `${separator}"${hexWord(word, head.width)}"`;
    separator = ',';
    if (text.length < PIECE) continue;
    out.write(text);
    text = '';
    if (await interrupted()) break;
  }
  out.write(`${text}]}\n`);
}

async function writeLines(out: Sink, lines: Iterable<Line>, interrupted: Interrupted): Promise<void> {
  const writer = new LineWriter(out);
  let count = 0;
  for (const line of lines) {
    writer.write(line);
    if (++count % LINES === 0 && (await interrupted())) break;
  }
  writer.end();
}
