import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandSpec } from '../../src/cli/program/command';
import { STORM_LINES, storm } from '../support/storm';
import { ROOT } from './udrv';

/** Cases of a test run, out of those that `npm run bench -- storm` runs. */
const CASES = 20;
/** Each run has other cases; the title of the test has the seed, and UDRV_STORM repeats one. */
const SEED = Number(process.env['UDRV_STORM'] ?? Date.now() % 1e6);

test(`signals at random moments leave nothing changed, and nothing hangs (seed ${SEED})`, async () => {
  const { faults, cases } = await storm(SEED, CASES);
  expect({ cases, faults }).toEqual({ cases: CASES, faults: [] });
}, 600_000);

test('each command that opens a device or changes something is in the storm', () => {
  const folder = (name: string) => join(ROOT, 'src/cli', name);
  const verbs = ['', 'uio', 'vfio', 'usb', 'pci', 'bench'].flatMap((noun) =>
    readdirSync(folder(noun))
      .filter((file) => file.endsWith('.ts') && file !== 'index.ts')
      .map((file) => `${noun} ${file.slice(0, -3)}`.trim()),
  );
  const wanted = verbs.filter((verb) => {
    const { does = [] } = specOf(verb) as { does?: readonly string[] };
    return does.includes('open') || does.includes('change');
  });
  expect(wanted.length).toBeGreaterThan(30);
  expect(wanted.filter((verb) => !STORM_LINES.some(({ line }) => line.startsWith(`${verb} `)))).toEqual([]);
});

function specOf(verb: string): CommandSpec {
  return require(join(ROOT, 'src/cli', verb.replace(' ', '/'))).command;
}
