/** A fuzzer that keeps each input that makes the code go where none went before, and goes on from those. */
import type { UdrvError } from '../../src/errors';
import { mutated } from './mutate';
import { oneOf, randomFrom } from './random';
import { runInput, type Target } from './target';

const LONGEST = 4096;
/** The longest that one input may take: a loop without end, or one that squares, takes longer. */
const LONGEST_MS = 2000;
/** One input in so many is no change of another, but bytes by chance. */
const NOISE = 64;
/** One input in so many may grow beyond the one that it is made of, and beyond a length that is short. */
const GROWS = 16;
const SHORT = 512;

export interface FuzzOptions {
  inputs: number;
  /** The number of the first input: the same numbers give the same inputs, as long as corpus and code are the same. */
  seed?: number;
  /** Inputs that were kept before. */
  corpus?: readonly Buffer[];
  words?: readonly Buffer[];
  /** Blocks that ran, of code that counts them; without it nothing guides. */
  counters?: Uint8Array | undefined;
  /** The longest that one input may take; two seconds if not given. */
  longestMs?: number;
  /** Makes of an error what the command prints. */
  show: (error: UdrvError) => string;
  /** Called before each input. */
  onInput?: ((input: Buffer, done: number) => void) | undefined;
}

export interface FuzzResult {
  inputs: number;
  /** Inputs that went where none went before, with those to begin with. */
  kept: Buffer[];
  /** Blocks of the code that ran. */
  covered: number;
  slowestMs: number;
}

/** An input that broke a promise. */
export class Found extends Error {
  readonly input: Buffer;

  constructor(target: string, input: Buffer, cause: unknown) {
    super(`${target}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`, { cause });
    this.name = 'Found';
    this.input = input;
  }
}

/** @throws Found */
export function fuzz(target: Target, options: FuzzOptions): FuzzResult {
  const { inputs, seed = 0, corpus = [], words = [], counters, longestMs = LONGEST_MS, show, onInput } = options;
  const random = randomFrom(seed);
  const longest = target.longest ?? LONGEST;
  const coverage = counters === undefined ? null : new Coverage(counters);
  const kept: Buffer[] = [];
  let slowestMs = 0;
  const run = (input: Buffer, done: number) => {
    onInput?.(input, done);
    coverage?.begin();
    let ms = timed(target, input, show);
    const isNew = coverage?.isNew() ?? false;
    // What else runs on the machine makes one run slow, not every one.
    for (let again = 0; ms > longestMs / 2 && again < 3; again++) ms = Math.min(ms, timed(target, input, show));
    slowestMs = Math.max(slowestMs, ms);
    if (ms > longestMs) throw new Found(target.name, input, new Error(`it took ${ms.toFixed(0)} ms`));
    return isNew;
  };
  let done = 0;
  for (const input of [...target.seeds, ...corpus]) {
    const isNew = run(input, done++);
    if (isNew || coverage === null) kept.push(input);
  }
  if (kept.length === 0) kept.push(Buffer.alloc(0));
  const anyOf = () =>
    random(2) === 0 ? oneOf(random, kept) : (kept[kept.length - 1 - random(Math.min(32, kept.length))] as Buffer);
  // Short ones are tried more often: they run faster, and more of each change matters.
  const pick = () => {
    const [one, two] = [anyOf(), anyOf()];
    return one.length < two.length ? one : two;
  };
  const mutations = { random, words, other: () => oneOf(random, kept), form: target.form };
  for (; done < inputs; done++) {
    const parent = pick();
    const most = random(GROWS) === 0 ? longest : Math.min(longest, Math.max(SHORT, parent.length));
    const input = random(NOISE) === 0 ? noise(random, longest) : mutated(parent, { ...mutations, longest: most });
    if (run(input, done)) kept.push(Buffer.from(input));
  }
  return { inputs: done, kept, covered: coverage?.covered ?? 0, slowestMs };
}

/** Runs an input. @returns the milliseconds that it took @throws Found */
function timed(target: Target, input: Buffer, show: (error: UdrvError) => string): number {
  const start = performance.now();
  try {
    runInput(target, input, show);
  } catch (error) {
    throw new Found(target.name, input, error);
  }
  return performance.now() - start;
}

function noise(random: (below: number) => number, longest: number): Buffer {
  return Buffer.from(Array.from({ length: random(Math.min(400, longest)) }, () => random(256)));
}

/** The classes of how often a block ran, as bits: once, twice, three times, 4 to 7 and so on. */
const CLASS = Uint8Array.from({ length: 256 }, (_, n) =>
  n === 0 ? 0 : n < 4 ? 1 << (n - 1) : n < 8 ? 8 : n < 16 ? 16 : n < 32 ? 32 : n < 128 ? 64 : 128,
);

class Coverage {
  readonly #counters: Uint8Array;
  readonly #words: Uint32Array;
  /** Classes of each block that any input has been in. */
  readonly #seen: Uint8Array;
  covered = 0;

  /** @param counters a multiple of 4, at the start of its memory */
  constructor(counters: Uint8Array) {
    this.#counters = counters;
    this.#words = new Uint32Array(counters.buffer, 0, counters.length >> 2);
    this.#seen = new Uint8Array(counters.length);
  }

  begin(): void {
    this.#words.fill(0);
  }

  isNew(): boolean {
    let isNew = false;
    for (let word = 0; word < this.#words.length; word++) {
      if (this.#words[word] === 0) continue;
      for (let block = word << 2; block < (word + 1) << 2; block++) {
        const now = CLASS[this.#counters[block] ?? 0] ?? 0;
        const seen = this.#seen[block] ?? 0;
        if ((now & ~seen) === 0) continue;
        if (seen === 0) this.covered++;
        this.#seen[block] = seen | now;
        isNew = true;
      }
    }
    return isNew;
  }
}
