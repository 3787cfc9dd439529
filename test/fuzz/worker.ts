/** Runs the targets of a group in a thread of its own, whose memory is bounded, and which the main one watches. */
import { parentPort, workerData } from 'node:worker_threads';
import { readCorpus } from './corpus';
import { COUNTERS } from './counters';
import { Found, fuzz } from './fuzz';
import { shownError } from './shown-error';
import { runInput, type Target } from './target';

export interface Work {
  /** A bundle with the targets of a group, instrumented. */
  bundle: string;
  blocks: number;
  words: Uint8Array[];
  target: string;
  inputs: number;
  seed: number;
  /** The number of the input that runs, and the input itself: its length, then its bytes. */
  progress: SharedArrayBuffer;
  current: SharedArrayBuffer;
}

export interface Outcome {
  inputs: number;
  covered: number;
  blocks: number;
  slowestMs: number;
  kept: Uint8Array[];
  found?: { message: string; input: Uint8Array };
}

function work({ bundle, blocks, words, target, inputs, seed, progress, current }: Work): Outcome {
  const counters = new Uint8Array(Math.ceil(blocks / 4) * 4);
  Reflect.set(globalThis, COUNTERS, counters);
  const { targets } = require(bundle) as { targets: Target[] };
  const one = targets.find(({ name }) => name === target);
  if (one === undefined) throw new Error(`no target ${target}`);
  const [done, length] = [new Int32Array(progress), new Int32Array(current, 0, 1)];
  const bytes = new Uint8Array(current, 4);
  const onInput = (input: Buffer, number: number) => {
    bytes.set(input.subarray(0, bytes.length));
    length[0] = Math.min(input.length, bytes.length);
    Atomics.store(done, 0, number);
  };
  const options = { inputs, seed, counters, show: shownError, onInput, words: words.map((word) => Buffer.from(word)) };
  // Most inputs end in an error, whose stack nobody reads.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const result = fuzz(one, { ...options, corpus: readCorpus(target) });
    return { ...result, blocks };
  } catch (error) {
    if (!(error instanceof Found)) throw error;
    Error.stackTraceLimit = stackTraceLimit;
    const found = { message: withStack(error, one), input: error.input };
    return { inputs: Number(done[0]), covered: 0, blocks, slowestMs: 0, kept: [], found };
  }
}

/** Runs an input again that was found, now for the stack. */
function withStack({ message, input }: Found, target: Target): string {
  try {
    runInput(target, input, shownError);
  } catch (error) {
    return new Found(target.name, input, error).message;
  }
  return message;
}

parentPort?.postMessage(work(workerData as Work));
