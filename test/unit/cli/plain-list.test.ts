import type { Command } from 'commander';
import type { OutputStream } from '../../../src/cli/output/stream';
import { plainList } from '../../../src/cli/parser/plain-list';
import { buildProgram } from '../../../src/cli/parser/program';

Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });

const nowhere: Partial<OutputStream> = { write: () => {} };

/** Returns the words and options that commander finds in a line, null where it is no listing. */
function byCommander(line: readonly string[]): { selectors: string[]; options: object } | null {
  const { program, load } = buildProgram(nowhere as OutputStream, nowhere as OutputStream, {});
  const list = program.commands.find((command) => command.name() === 'list') as Command;
  load(list);
  let found: ReturnType<typeof byCommander> = null;
  program.exitOverride();
  list.exitOverride().action((selectors: string[]) => {
    found = { selectors, options: list.optsWithGlobals() };
  });
  program.parse(line as string[], { from: 'user' });
  return found;
}

const VALUES = ['machine', 'list', 'ls', './a b', '/', 'show'];
const WORDS = [
  ['--json'],
  ['--sim'],
  ['--all'],
  ...VALUES.flatMap((value) => [
    ['--snapshot', value],
    ['--sysroot', value],
  ]),
];

test('a plain list is read as commander reads it', () => {
  let count = 0;
  const at = [[], ...WORDS.map((one) => [one]), ...WORDS.flatMap((one) => WORDS.map((two) => [one, two]))];
  for (const name of ['list', 'ls'])
    for (const words of at)
      for (let before = 0; before <= words.length; before++) {
        const line = [...words.slice(0, before), [name], ...words.slice(before)].flat();
        const plain = plainList(line);
        if (plain === null) continue;
        count++;
        const options = { ...plain.global, ...plain.list };
        expect({ line, read: { selectors: [], options } }).toEqual({ line, read: byCommander(line) });
      }
  // All of them but those with --all in front of `list`, where commander knows no such option.
  expect(count).toBeGreaterThan(1000);
});

test.each([
  [],
  ['--json'],
  ['list', 'uio0'],
  ['list', 'list'],
  ['list', '--'],
  ['list', '-a'],
  ['list', '--help'],
  ['--all', 'list'],
  ['--snapshot'],
  ['list', '--snapshot'],
  ['--snapshot', '', 'list'],
  ['--snapshot', '-q', 'list'],
  ['--snapshot', '--json', 'list'],
  ['--snapshot=x', 'list'],
  ['--sim=x', 'list'],
  ['list', '--columns', 'name'],
  ['usb', 'list'],
  ['--jso', 'list'],
  ['help', 'list'],
  ['List'],
])('is left to commander: %s %s %s', (...line) => {
  expect(plainList(line)).toBeNull();
});
