import { spawnSync } from 'node:child_process';

/** Without what costs Node start-up time for reasons of the machine and not of udrv. */
export const cleanEnv = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', LC_ALL: 'C.UTF-8' };

/** Wall time of a command in milliseconds; throws where it fails. */
export function wall(argv: readonly string[]): number {
  const [program = '', ...args] = argv;
  const start = performance.now();
  const { status, stderr, error } = spawnSync(program, args, { env: cleanEnv, stdio: ['ignore', 'ignore', 'pipe'] });
  const end = performance.now();
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${error ?? stderr}`);
  return end - start;
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/**
 * The round that was disturbed least. What else runs on the machine, or beside it on the machine that it is a guest of,
 * only ever adds: to a whole round, or to most of them, and then their median would show that and not the program.
 */
export const quietest = (values: readonly number[]): number => Math.min(...values);

/** Medians of several commands, run in turns so that a drift of the machine meets all of them. */
export function interleaved(commands: readonly (readonly string[])[], runs: number): number[] {
  const times: number[][] = commands.map(() => []);
  for (let run = 0; run < runs; run++) for (const [i, command] of commands.entries()) times[i]?.push(wall(command));
  return times.map(median);
}

export function verdict(what: string, value: number, bound: number, unit: string): boolean {
  const good = value <= bound;
  console.log(
    `  ${good ? 'ok  ' : 'MISS'} ${what}: ${value.toFixed(2)}${unit} (at most ${Number(bound.toFixed(2))}${unit})`,
  );
  return good;
}
