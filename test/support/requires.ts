import { spawnSync } from 'node:child_process';

/**
 * `describe`, for tests that need a program which not every machine has. Without it they are skipped with the reason in
 * their name; where `CI` is set they run, and fail, because there a missing program is a missing install step.
 */
export function describeWith(program: string, name: string, tests: () => void): void {
  const found = spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
  if (found || process.env['CI']) describe(name, tests);
  else describe.skip(`${name} (skipped: ${program} is not installed)`, tests);
}

/** The same for tests that need a C header, which has come into the kernel only lately: test/lab/prepare makes those of the built kernel. */
export function describeWithHeader(header: string, name: string, tests: () => void): void {
  const source = `#include <${header}>\n`;
  const found = spawnSync('gcc', ['-E', '-x', 'c', '-'], { input: source, stdio: ['pipe', 'ignore', 'ignore'] });
  if (found.status === 0 || process.env['CI']) describe(name, tests);
  else describe.skip(`${name} (skipped: there is no <${header}> here)`, tests);
}

/** The same for tests that need a module of Debian's Python. */
export function describeWithPython(module: string, name: string, tests: () => void): void {
  const found = spawnSync('/usr/bin/python3', ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0;
  if (found || process.env['CI']) describe(name, tests);
  else describe.skip(`${name} (skipped: Python's ${module} is not installed)`, tests);
}
