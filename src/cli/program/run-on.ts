import { Cleanup } from '../../cleanup';
import type { OutputStream } from '../output/stream';
import type { ExitOrNothing } from './command';
import { Context, type GlobalOptions } from './context';
import type { OpenMachine } from './machine';

/** The two outputs of the process and its environment. */
export interface Surroundings {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Runs a command on a machine; what it did to a machine in a file is kept, on every way out.
 *
 * @returns the exit code
 */
export async function runOn(
  machine: OpenMachine,
  options: GlobalOptions,
  { stdout, stderr, env }: Surroundings,
  run: (context: Context) => unknown,
): Promise<number> {
  using cleanup = new Cleanup();
  cleanup.defer(() => machine[Symbol.dispose]?.());
  const context = new Context(options, machine.sys, stdout, stderr, env, machine);
  return ((await run(context)) as ExitOrNothing) ?? 0;
}
