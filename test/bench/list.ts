import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSysroot } from './generated-sysroot';
import { interleaved, verdict } from './measure';

/** Measures how long a listing of a large machine takes, and whether it grows no faster than the machine. */
export function benchList(): boolean {
  const dir = mkdtempSync(join(tmpdir(), 'udrv-bench-'));
  try {
    const small = join(dir, '500');
    const large = join(dir, '2000');
    generateSysroot(small, 500);
    generateSysroot(large, 2000);
    const list = (root: string, ...args: string[]) => [
      process.execPath,
      'bin/udrv',
      '--sysroot',
      root,
      'list',
      ...args,
    ];
    const [empty = 0, quarter = 0, whole = 0, all = 0, allJson = 0] = interleaved(
      [
        [process.execPath, '-e', '0'],
        list(small, '--all'),
        list(large),
        list(large, '--all'),
        list(large, '--all', '--json'),
      ],
      5,
    );
    console.log(
      `  list ${whole.toFixed(0)} ms, --all ${all.toFixed(0)} ms, --all --json ${allJson.toFixed(0)} ms; a quarter of it, --all ${quarter.toFixed(0)} ms`,
    );
    return [
      verdict('2,000 PCI functions and 2,000 USB devices, list --all --json', allJson, 1000, ' ms'),
      verdict('growth from 500 to 2,000 of each', (all - empty) / (quarter - empty), 4.4, ' times'),
    ].every(Boolean);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
