import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';

// Programs in papers and comments: for whoever reads them they are whole, and here they are compiled and run.

const ROOT = join(__dirname, '../..');

/** Returns what the compiler says of programs that import the library by its name; empty for nothing. */
export function typeErrors(programs: readonly string[]): string {
  const cache = join(ROOT, 'node_modules/.cache/udrv');
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, 'programs-'));
  try {
    const files = programs.map((code, i) => {
      writeFileSync(join(dir, `program${i}.mts`), code);
      return `program${i}.mts`;
    });
    const paths = { udrv: [join(ROOT, 'src/index.ts')], 'udrv/drivers/*': [join(ROOT, 'src/drivers/*.ts')] };
    const compilerOptions = { noEmit: true, rootDir: ROOT, paths };
    const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: [], files };
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config));
    const { status, stdout } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', dir], { encoding: 'utf8' });
    return status === 0 ? '' : stdout || `tsc ended with ${status}`;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Runs the body of a program, in which the given names stand for their values. */
export async function runProgram(body: string, names: Readonly<Record<string, unknown>>): Promise<void> {
  const source = `async function program(${Object.keys(names).join(', ')}) {\n${body}\n}`;
  const script = transformSync(source, { loader: 'ts', target: 'node20' }).code;
  await new Function(`${script}\nreturn program;`)()(...Object.values(names));
}
