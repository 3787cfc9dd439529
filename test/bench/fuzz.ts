import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { writeCorpus } from '../fuzz/corpus';
import { GROUPS } from '../fuzz/groups';
import { instrument } from '../fuzz/instrument';
import type { Target } from '../fuzz/target';
import type { Outcome, Work } from '../fuzz/worker';
import { verdict } from './measure';

const FUZZ = join(__dirname, '../fuzz');
const CACHE = join(__dirname, '../../node_modules/.cache/udrv');

const MOST_MEGABYTES = 512;
/** Room for what one input leaves behind, so that little of it is moved. */
const YOUNG_MEGABYTES = 64;
/** The longest silence of a target: its input would be a loop without end. */
const HANG_MS = 20_000;
const LONGEST_INPUT = 2 ** 20;

/**
 * Every parser, with inputs that are made of those which led to code that had not run before:
 * `npm run bench -- fuzz [INPUTS [TARGET...]]`, 1,000,000 inputs for each target if nothing else is said, and all
 * targets; those that are named, by themselves or by their group, are the only ones. With UDRV_FUZZ_KEEP=1 the inputs that
 * led somewhere new are kept in test/fuzz/corpus.
 */
export async function benchFuzz(inputs = 1_000_000, names: readonly string[] = [], seed = 0): Promise<boolean> {
  mkdirSync(CACHE, { recursive: true });
  // Where the packages are found that are no part of a bundle.
  const folder = mkdtempSync(join(CACHE, 'fuzz-'));
  try {
    const worker = build(join(FUZZ, 'worker.ts'), folder, 'worker').file;
    const results: boolean[] = [];
    let total = 0;
    for (const group of GROUPS) {
      const { file, code } = build(join(FUZZ, 'targets', `${group}.ts`), folder, group);
      const { targets } = require(file) as { targets: Target[] };
      const chosen = targets.filter(({ name }) => names.length === 0 || names.includes(name) || names.includes(group));
      if (chosen.length === 0) continue;
      const { code: bundle, blocks, words } = instrument(code);
      writeFileSync(file, bundle);
      for (const { name, seeds, oneIn = 1 } of chosen) {
        const work = { bundle: file, blocks, words, target: name, inputs: Math.ceil(inputs / oneIn), seed };
        const before = process.cpuUsage();
        const outcome = await run(worker, work);
        const { user, system } = process.cpuUsage(before);
        total += outcome.inputs;
        results.push(report(name, outcome, (user + system) / 1e6));
        if (process.env['UDRV_FUZZ_KEEP'] === '1') keep(name, outcome, seeds);
      }
    }
    console.log(`  ${total} inputs to ${results.length} parsers`);
    const peak = process.resourceUsage().maxRSS / 1024;
    return [...results, verdict('peak memory', peak, MOST_MEGABYTES, ' MiB')].every(Boolean);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function build(source: string, folder: string, name: string): { file: string; code: string } {
  const file = join(folder, `${name}.cjs`);
  const { outputFiles } = buildSync({
    entryPoints: [source],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['koffi', '@babel/core'],
    define: { __dirname: JSON.stringify(join(source, '..')) },
  });
  const code = outputFiles[0]?.text ?? '';
  writeFileSync(file, code);
  return { file, code };
}

/** Runs a target in a thread; the thread is ended where an input takes too long. */
function run(worker: string, given: Omit<Work, 'progress' | 'current'>): Promise<Outcome> {
  const work: Work = {
    ...given,
    progress: new SharedArrayBuffer(4),
    current: new SharedArrayBuffer(4 + LONGEST_INPUT),
  };
  const inputs = new Int32Array(work.progress);
  const lost = (message: string): Outcome => {
    const length = new Int32Array(work.current, 0, 1)[0] ?? 0;
    const found = { message, input: Uint8Array.from(new Uint8Array(work.current, 4, length)) };
    return { inputs: Atomics.load(inputs, 0), covered: 0, blocks: given.blocks, slowestMs: 0, kept: [], found };
  };
  return new Promise((resolve) => {
    const resourceLimits = { maxOldGenerationSizeMb: MOST_MEGABYTES, maxYoungGenerationSizeMb: YOUNG_MEGABYTES };
    const thread = new Worker(worker, { workerData: work, resourceLimits });
    let before = -1;
    const watchdog = setInterval(() => {
      const now = Atomics.load(inputs, 0);
      if (now === before) end(lost(`an input takes longer than ${HANG_MS / 1000} s`));
      before = now;
    }, HANG_MS);
    const end = (outcome: Outcome) => {
      clearInterval(watchdog);
      void thread.terminate();
      resolve(outcome);
    };
    thread.once('message', end);
    thread.once('error', (error) => end(lost(error.stack ?? error.message)));
  });
}

function report(name: string, { inputs, covered, blocks, slowestMs, found }: Outcome, seconds: number): boolean {
  if (found === undefined) {
    console.log(
      `  ok   ${name}: ${inputs} inputs, ${(inputs / seconds).toFixed(0)} a second of CPU, ${covered} of ${blocks} blocks, slowest ${slowestMs.toFixed(0)} ms`,
    );
    return true;
  }
  console.log(`  MISS ${name}: input ${inputs}: ${found.message}`);
  console.log(`       ${Buffer.from(found.input).toString('base64')}`);
  return false;
}

/** Bytes of a target's corpus. */
const LARGEST_CORPUS = 8 * 1024;
const LARGEST_KEPT = 2048;

/** Keeps the smallest of the inputs, as many as there is room for. */
function keep(name: string, { kept, found }: Outcome, seeds: readonly Buffer[]): void {
  if (found !== undefined) return;
  const known = new Set(seeds.map((seed) => seed.toString('latin1')));
  const inputs = kept.map((input) => Buffer.from(input)).filter((input) => !known.has(input.toString('latin1')));
  inputs.sort((a, b) => a.length - b.length);
  let room = LARGEST_CORPUS;
  const small = inputs.filter(({ length }) => {
    room -= length;
    return length <= LARGEST_KEPT && room >= 0;
  });
  writeCorpus(name, small);
}
