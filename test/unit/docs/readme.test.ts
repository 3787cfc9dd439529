import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import type { Command } from 'commander';
import * as library from '../../../src';
import type { OutputStream } from '../../../src/cli/output/stream';
import { apart } from '../../../src/cli/parser/flags';
import { buildProgram } from '../../../src/cli/parser/program';
import { parseAction } from '../../../src/cli/program/parse';
import { parseRange, parseSize, parseWord } from '../../../src/model/notation';
import { runProgram, typeErrors } from '../../support/programs';

// The commands that the documents tell people to type: the program must take each of them.

const ROOT = join(__dirname, '../../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const LIBRARY = readFileSync(join(ROOT, 'LIBRARY.md'), 'utf8');
const DRIVERS = readFileSync(join(ROOT, 'DRIVERS.md'), 'utf8');
Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });

test.each([
  ['README.md', 3],
  ['ARCHITECTURE.md', 30],
  ['CONTRIBUTING.md', 15],
  ['SECURITY.md', 1],
  ['BRING-UP.md', 3],
  ['DRIVERS.md', 8],
])('%s names files that there are', (paper, least) => {
  const text = readFileSync(join(ROOT, paper), 'utf8');
  const named = Array.from(
    text.matchAll(/(?<![\w/])(?:src|test|man|fixtures|bin)\/[\w./-]*\w/g),
    (match) => match[0],
  ).filter((path) => !/NOUN|VERB/.test(path));
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(named.length).toBeGreaterThanOrEqual(least);
});

describe('README.md', () => {
  test.each(['npm ci && npm run demo', 'npm ci && npm test'])('has %s as a line to copy', (line) => {
    expect(fences(README, 'sh').flat()).toContain(line);
  });

  test('names scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const named = Array.from(README.matchAll(/npm run ([\w-]+)/g), (match) => match[1]);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });

  test('has the udev rules that the manual has', () => {
    const rules = fences(README, 'udev')
      .flat()
      .filter((line) => line.startsWith('SUBSYSTEM=="uio"'));
    const manual = readFileSync(join(ROOT, 'man/udrv-uio.1'), 'utf8').replaceAll('\\e\n  ', '').split('\n');
    expect(manual.filter((line) => line.startsWith('SUBSYSTEM=='))).toEqual(rules);
  });

  test('has the packages that the lab asks for', () => {
    const prepare = readFileSync(join(ROOT, 'test/lab/prepare'), 'utf8');
    const wanted = Array.from(prepare.matchAll(/^(?:run|build) +(\S+) /gm), (match) => match[1]);
    expect(wanted.length).toBeGreaterThan(5);
    expect(fences(README, 'sh').flat()).toContain(`sudo apt-get install ${wanted.join(' ')}`);
  });
});

/** The programs in the papers, and what each prints. */
const PROGRAMS = [
  ...fences(README, 'ts').map((code) => ({ code: code.join('\n'), prints: ['16777453', '1 0', '2 0', '3 0'] })),
  ...[LIBRARY, DRIVERS].flatMap((paper) =>
    fences(paper, 'ts').map((code, i) => ({ code: code.join('\n'), prints: fences(paper, 'text')[i] ?? [] })),
  ),
];

describe('the programs for the library', () => {
  test('type-check', () => {
    expect(typeErrors(PROGRAMS.map(({ code }) => code))).toBe('');
  }, 60_000);

  test.each(PROGRAMS)('run on the simulated machine, and print $prints', async ({ code, prints }) => {
    const onSim = code
      .replace(
        /^import (\{[^}]*\}) from 'udrv';$/m,
        (_, names: string) => `const ${names.replace(/type \w+,/g, '')} = library;`,
      )
      .replace('new LinuxSys()', 'library.simulatedMachine().sys');
    const printed: string[] = [];
    const log = (...values: unknown[]) => printed.push(format(...values));
    await runProgram(onSim, { library, console: { log } });
    expect(printed).toEqual(prints);
  });
});

const documents = ['README.md', 'BRING-UP.md', ...readdirSync(join(ROOT, 'man')).map((page) => `man/${page}`)];

describe.each(documents)('every command in %s can be typed:', (name) => {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const lines = name.endsWith('.md')
    ? [...fences(text, 'sh').flat(), ...prompted(fences(text, 'console').flat())]
    : prompted(text.split('\n').map((line) => line.replace(/^\.Dl /, '')));

  test.each(lines.flatMap(udrvCommands).map((argv) => [argv.join(' '), argv]))('%s', async (_, argv) => {
    await understood(argv as string[]);
  });

  test('and there are some', () => {
    expect(lines.flatMap(udrvCommands).length).toBeGreaterThan(5);
  });
});

describe('a command that could not be typed fails this test:', () => {
  test.each([
    'lst',
    'list --nonsense',
    'uio read uio0',
    'uio read uio0 map0 x',
    'uio watch-irq uio0 --ack map0',
    'list -t',
  ])('%s', async (line) => {
    await expect(understood(line.split(' '))).rejects.toThrow();
  });
});

/** The lines of each fenced block of a language. */
function fences(markdown: string, language: string): string[][] {
  const blocks = markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'gm'));
  return Array.from(blocks, (match) => match[1]?.trimEnd().split('\n') ?? []);
}

/** In a session only what follows the prompt is typed. */
function prompted(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
}

/** The arguments of each `udrv` in a line of shell, whatever runs it. */
function udrvCommands(line: string): string[][] {
  return line
    .replace(/(^|\s)#.*$/, '')
    .split(/\s*(?:\||&&|;)\s*/)
    .map((command) => command.replace(/\s>.*$/, ''))
    .map((command) => Array.from(command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), (m) => m[1] ?? m[2] ?? m[3] ?? ''))
    .map((words) => ({ words, at: words.findIndex((word) => word === 'udrv' || word === 'bin/udrv') }))
    .filter(
      ({ words, at }) =>
        at >= 0 && words.slice(0, at).every((word) => /^(?:sudo|node|npm|run|lab|stock|--.*)$/.test(word)),
    )
    .map(({ words, at }) => words.slice(at + 1));
}

/** Has the program parse a command line, and what stands in its arguments, without doing it. */
async function understood(argv: readonly string[]): Promise<void> {
  const nowhere = { isTTY: false, write() {} } as unknown as OutputStream;
  const built = buildProgram(nowhere, nowhere, {});
  const { program } = built;
  for (const command of [program, ...program.commands.flatMap((c) => [c, ...c.commands])]) {
    command.exitOverride().configureOutput({ writeOut() {}, writeErr() {}, outputError() {} });
    if (command.commands.length === 0 || (command !== program && command.registeredArguments.length > 0))
      command.action(() => checkValues(command));
  }
  await program.parseAsync(apart(argv, built), { from: 'user' });
}

function checkValues(command: Command): void {
  const { ack = [], trigger = [], width = 4, map } = command.opts();
  // Names of registers are written in capitals here.
  const named = (word: string) =>
    /^[A-Z][A-Z_.]*$/.test(word) ? ({ region: 'map0', offset: 0, width: 4 } as const) : null;
  for (const action of [...ack, ...trigger]) parseAction(action, named);
  // Behind a name stands a value.
  const byName = map !== undefined && named(command.args[1] ?? '') !== null;
  for (const [i, argument] of command.registeredArguments.entries()) {
    const value = command.args[i];
    if (value === undefined) continue;
    if (argument.name() === 'range') parseRange(value, width);
    if (argument.name() === 'offset' && !byName) parseSize(value);
    if (argument.name() === 'value') parseWord(value);
  }
}
