import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands } from '../../../src/cli';
import type { OutputStream } from '../../../src/cli/output/stream';
import { buildProgram } from '../../../src/cli/parser/program';
import type { CommandIndex, CommandSpec, NounSpec, VerbSpec } from '../../../src/cli/program/command';
import { verbsOf } from '../../support/verbs';

// One command, one file: `udrv VERB` is src/cli/VERB.ts, or src/cli/any/VERB.ts where it chooses the framework by the
// device; `udrv NOUN VERB` is src/cli/NOUN/VERB.ts.

Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });

const CLI = join(__dirname, '../../../src/cli');
const NOUNS = ['uio', 'vfio', 'usb', 'pci', 'map'];
/** Folders of commands beside them: of a verb that has commands too. */
const FOLDERS = ['', 'any', ...NOUNS, 'bench'];

function build(write: (text: string) => void = () => {}, whole = true) {
  const stream = { isTTY: false, write } as unknown as OutputStream;
  // The folder of the examples is that of the user's configuration.
  return buildProgram(stream, stream, { XDG_CONFIG_HOME: process.cwd() }, whole);
}

const all = verbsOf(build().program);

/** Returns where the file of a command is, from src/cli. */
function fileOf(words: string): string {
  const path = words.replace(' ', '/');
  return existsSync(join(CLI, `${path}.ts`)) ? path : `any/${path}`;
}

describe('the rule for files', () => {
  test('holds for 79 commands', () => expect(all).toHaveLength(79));

  test.each(all)('udrv %s has its file', (words) => {
    expect(existsSync(join(CLI, `${fileOf(words)}.ts`))).toBe(true);
  });

  test('no other file is in the folders of commands', () => {
    const files = FOLDERS.flatMap((noun) =>
      readdirSync(join(CLI, noun))
        .filter((name) => name.endsWith('.ts') && name !== 'index.ts')
        .map((name) => `${noun === 'any' ? '' : noun} ${name.slice(0, -'.ts'.length)}`.trim()),
    );
    expect(files.sort()).toEqual([...all].sort());
  });
});

describe('a line loads the command that it names, and no other', () => {
  const loaded: string[] = [];

  beforeEach(() => {
    loaded.length = 0;
  });

  /** Records each load. */
  function watched(index: CommandIndex, noun = ''): CommandIndex {
    const watch = ([name, load]: [string, () => { command: CommandSpec }]) => {
      const words = `${noun} ${name}`.trim();
      return [
        name,
        () => {
          loaded.push(words);
          const { command } = load();
          return {
            command:
              command.commands === undefined ? command : { ...command, commands: watched(command.commands, words) },
          };
        },
      ] as const;
    };
    return Object.fromEntries(Object.entries(index).map(watch));
  }

  beforeAll(() => {
    Object.assign(commands, watched({ ...commands }));
  });

  test.each([
    ['list', ['list']],
    ['read uio0 map0 0', ['read']],
    ['uio read uio0 map0 0', ['uio', 'uio read']],
    ['usb config 1-2 1 -n', ['usb', 'usb config']],
  ])('udrv %s', async (line, expected) => {
    await build(undefined, false).program.parseAsync(['--sim', ...line.split(' ')], { from: 'user' });
    expect(loaded).toEqual(expected);
  });

  test('the help of a noun loads its verbs', async () => {
    const { program } = build(undefined, false);
    for (const command of [program, ...program.commands])
      command.exitOverride().configureOutput({ writeOut() {}, writeErr() {} });
    await expect(program.parseAsync(['uio', '--help'], { from: 'user' })).rejects.toThrow();
    expect(loaded).toEqual(['uio', ...all.filter((words) => words.startsWith('uio '))]);
  });
});

/** The specification of a command, as its file exports it. */
function specOf(words: string): VerbSpec | NounSpec {
  return require(join(CLI, NOUNS.includes(words) ? words : fileOf(words))).command;
}

/** Splits a line as a shell does. */
function wordsOf(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|(\S+)/g), (match) => match[1] ?? match[2] ?? '');
}

describe('the examples in the help', () => {
  const home = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'udrv-examples-'));

  beforeAll(() => {
    process.chdir(folder);
    copyFileSync(join(CLI, '../../test/cli/fixtures/edu.json'), 'edu.json');
    writeFileSync('before.txt', '0x0000  0x010000ed 0x00000000\n');
    writeFileSync('after.json', '{"region":"map0","offset":0,"width":4,"words":["0x010000ed","0x00000000"]}\n');
  });
  afterAll(() => {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  });

  const examples = [...all, ...NOUNS].flatMap((words) => specOf(words).examples.map((line) => [line, words] as const));

  test.each(examples)('udrv %s works on the simulated machine', async (line, words) => {
    // Global options may stand before the command.
    expect(line.replace(/^(-\S+ )*/, '').startsWith(words)).toBe(true);
    const { program, outcome } = build();
    const done = program.parseAsync(['--sim', ...wordsOf(line)], { from: 'user' });
    // Nothing happens to the devices of this machine.
    const ended = words === 'monitor' ? setTimeout(() => process.emit('SIGINT'), 100) : undefined;
    await done;
    expect(outcome.exit).toBe(ended === undefined ? 0 : 130);
  });

  test.each([...all, ...NOUNS])('udrv %s --help shows two', async (words) => {
    let shown = '';
    const { program } = build();
    for (const command of [program, ...program.commands.flatMap((c) => [c, ...c.commands])])
      command.exitOverride().configureOutput({
        writeOut: (text) => {
          shown += text;
        },
      });
    await expect(program.parseAsync([...words.split(' '), '--help'], { from: 'user' })).rejects.toThrow();
    const lines = shown.slice(shown.indexOf('\nExamples:\n')).trim().split('\n').slice(1);
    expect(lines).toEqual(specOf(words).examples.map((line) => `  udrv ${line}`));
    expect(new Set(lines).size).toBe(2);
  });
});

test('wherever a device may be opened through VFIO, there is --vf-token', () => {
  const longs = (words: string) => ((specOf(words) as VerbSpec).options ?? []).map(({ long }) => long);
  const opening = all.filter((words) => longs(words).includes('--backend'));
  expect(opening.length).toBeGreaterThan(10);
  for (const words of opening) expect([words, longs(words)]).toEqual([words, expect.arrayContaining(['--vf-token'])]);
});

test('wherever there is --count, it is -c too', () => {
  const options = all.flatMap((words) => {
    const spec = specOf(words);
    return spec.run === undefined ? [] : (spec.options ?? []).filter(({ long }) => long === '--count');
  });
  expect(options.length).toBeGreaterThan(5);
  for (const { short } of options) expect(short).toBe('-c');
});

test('no comment of the command line opens with a word that has to be read twice', () => {
  const files = readdirSync(CLI, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const found = files.flatMap((name) =>
    Array.from(
      readFileSync(join(CLI, name), 'utf8').matchAll(
        /(?:\/\*\*\s+(?:\* )?|^\s*\/\/ )(?:What|Who|Of|As|So|How|Where)\b.*/gm,
      ),
      (match) => `${name}: ${match[0].trim()}`,
    ),
  );
  expect(found).toEqual([]);
});
