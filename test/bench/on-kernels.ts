import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BootOptions, bootLab, KERNELS, type Kernel, USUAL_KERNELS } from '../lab/lab';
import { findPrepared } from '../lab/prepared';

/** Runs a command in the guest and gives what it printed; throws where it fails. */
export type Run = (command: string | readonly string[]) => Promise<string>;

const RUN_TIMEOUT_MS = 300_000;

/** Returns the kernel that the environment asks for (UDRV_LAB), or the usual ones. */
export function wantedKernels(): readonly Kernel[] {
  const { UDRV_LAB: only = '' } = process.env;
  const wanted = KERNELS.filter((kernel) => kernel === only);
  return wanted.length === 0 ? USUAL_KERNELS : wanted;
}

/** Measures on each kernel of the lab that is wanted: what the kernel's part takes differs by two, and with it every ratio. */
export async function onKernels(
  measure: (run: Run, kernel: Kernel) => Promise<boolean[]>,
  options: Pick<BootOptions, 'qemuArgs'> = {},
): Promise<boolean> {
  const results: boolean[] = [];
  for (const kernel of wantedKernels()) {
    console.log(` ${kernel} kernel`);
    const lab = await bootLab({ ...options, kernel });
    try {
      const run: Run = async (command) => {
        const { code, stdout, stderr } = await lab.run(command, { timeoutMs: RUN_TIMEOUT_MS });
        if (code !== 0) throw new Error(`${command}: exit ${code}\n${stderr}`);
        return stdout;
      };
      results.push(...(await measure(run, kernel)));
    } finally {
      await lab.shutdown();
    }
  }
  return results.every(Boolean);
}

/** @returns the path of the program that gcc made of `test/bench/NAME.c`, with the headers of the built kernel */
export function compile(name: string, flags: readonly string[] = []): string {
  const folder = 'node_modules/.cache/udrv';
  mkdirSync(folder, { recursive: true });
  const built = findPrepared('built', 'x64');
  const include = built === undefined ? [] : ['-isystem', join(dirname(built.kernel), 'include')];
  const program = `${folder}/${name}`;
  execFileSync('gcc', ['-O2', '-Wall', '-Werror', ...include, '-o', program, `test/bench/${name}.c`, ...flags]);
  return program;
}
