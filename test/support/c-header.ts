import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Evaluates C expressions with these headers: the oracle for numbers and layouts of the kernel's interface. */
export function cValues(headers: readonly string[], expressions: readonly string[]): number[] {
  const dir = mkdtempSync(join(tmpdir(), 'udrv-uapi-'));
  try {
    const includes = ['stddef.h', 'stdint.h', 'stdio.h', ...headers].map((header) => `#include <${header}>`);
    const prints = expressions.map((c) => `printf("%lld\\n", (long long)(${c}));`);
    const source = [...includes, 'int main(void) {', ...prints, '}', ''].join('\n');
    writeFileSync(join(dir, 'values.c'), source);
    execFileSync('gcc', ['-Wall', '-Werror', '-o', join(dir, 'values'), join(dir, 'values.c')]);
    return execFileSync(join(dir, 'values'), { encoding: 'utf8' }).trim().split('\n').map(Number);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Our value of something, and the C expression that it must equal. */
export type Expected = [name: string, ours: number | undefined, c: string];

/** The size of a struct and the offset of each field, by its C name. */
export function layoutOf([table, struct, fields]: readonly [
  table: Record<string, number>,
  struct: string,
  fields: Record<string, string>,
]): Expected[] {
  return [
    [`${struct} size`, table['size'], `sizeof(${struct})`],
    ...Object.entries(fields).map(
      ([ours, theirs]): Expected => [`${struct} ${theirs}`, table[ours], `offsetof(${struct}, ${theirs})`],
    ),
  ];
}
