import { join } from 'node:path';
import { buildSync } from 'esbuild';
import type { Lab } from './lab';
import { LAB_FOLDER } from './prepared';
import type { LabStorm } from './storm-in-guest';

/** Half an hour and more, on a busy host. */
export const STORM_MS = 3_600_000;
/**
 * The longest time from a signal to the end, beyond some times what a program takes that does nothing but to end: emulation
 * is as slow with the code that a command loads between its handlers and its first wait, in which no signal is served.
 */
const MOST_MS = 1000;
const BARES = 5;

/** Sends signals to commands in a guest. */
export async function stormInLab(lab: Lab, signals: number, seed: number): Promise<LabStorm> {
  const entryPoints = [join(LAB_FOLDER, 'storm-in-guest.ts')];
  const [file] = buildSync({ entryPoints, bundle: true, platform: 'node', write: false }).outputFiles;
  const command = ['node', '-', `${signals}`, `${seed}`];
  const { code, stdout, stderr } = await lab.run(command, { stdin: file?.text ?? '', timeoutMs: STORM_MS });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** Tells whether every command ended in time. */
export function isQuick({ slowestMs, bareMs }: LabStorm): boolean {
  return slowestMs <= MOST_MS + BARES * bareMs;
}

/** Says in lines what a storm was, as `npm run bench` prints it. */
export function summary({ seed, cases, signals, bareMs, slowestMs, slowest, exits, lines, faults }: LabStorm): string {
  const list = (entries: readonly (readonly [string, unknown])[]) =>
    entries.map(([name, value]) => `${name}: ${value}`).join(', ');
  return [
    `seed ${seed}: ${cases} cases, ${signals} signals; slowest end ${slowestMs} ms (${slowest}); an empty program's ${bareMs} ms`,
    list(Object.entries(lines).map(([name, line]) => [name, `${line.signals} signals, ${line.slowestMs} ms`] as const)),
    `exits: ${list(Object.entries(exits))}`,
    ...faults.map((fault) => `FAULT ${fault}`),
  ].join('\n  ');
}
