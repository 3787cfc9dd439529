import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { withUses } from '../../../src/cli/lists/uses';
import type { OutputStream } from '../../../src/cli/output/stream';
import { buildProgram } from '../../../src/cli/program/program';
import { listDevices } from '../../../src/devices/list';
import { Exit } from '../../../src/errors';
import type { Sriov } from '../../../src/model/device';
import { NameDatabase } from '../../../src/names/database';
import { inspectPciDetails } from '../../../src/pci/function-details';
import { simulatedMachine } from '../../../src/sim';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import { describeWith } from '../../support/requires';

// The manual pages against the program: what one has and the other has not fails here.

const ROOT = join(__dirname, '../../..');
const MAN = join(ROOT, 'man');
const PAGES = readdirSync(MAN);
Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });

/** Macros of mdoc(7), as far as these pages use them, and what separates their words. */
const MACRO =
  /^(Fl|Ar|Ic|Cm|Va|Ev|It|Op|Xo|Xc|Nm|Ns|No|Pq|Qq|Ql|Li|Pa|Sx|Xr|Dv|Sh|Bl|El|Bd|Ed|Dl|Pp|Nd|Dd|Dt|Os|Rs|Re)$/;
const DELIMITER = /^([|,.;:()[\]]|\.\.\.|\\-|\/)$/;

/** By signals, beside those of `Exit`: SIGHUP, SIGBUS, SIGTERM. */
const SIGNAL_EXITS = [129, 135, 143];

const { program } = build();
const udrvPage = parsePage('udrv.1');
const uioPage = parsePage('udrv-uio.1');

test('the pages are those that the package installs', () => {
  const { man } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  expect(PAGES.map((page) => `./man/${page}`).sort()).toEqual([...man].sort());
});

describeWith('mandoc', 'mandoc has nothing to say about', () => {
  test.each(PAGES)('%s', (page) => {
    const { status, stdout } = spawnSync('mandoc', ['-Tlint', '-Wwarning', join(MAN, page)], { encoding: 'utf8' });
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  });
});

describe('udrv.1 and the program agree on', () => {
  test('the global options', () => {
    expect(optionItems(section(udrvPage, 'GLOBAL OPTIONS'))).toEqual(signatures(optionsOf(program, true)));
  });

  test.each(optionsOf(program, true).map(byName))('the values of %s', (_, option) => {
    expectValues(section(udrvPage, 'GLOBAL OPTIONS'), option);
  });

  test('the global options in the synopsis', () => {
    const shown = flags(section(udrvPage, 'SYNOPSIS'));
    for (const { short, long } of optionsOf(program, true))
      expect(shown).toContain(shown.has(`${short}`) ? short : long);
  });

  test('the exit codes', () => {
    const documented = items(section(udrvPage, 'EXIT STATUS')).flatMap(numbers);
    expect(documented).toEqual([...Object.values(Exit), ...SIGNAL_EXITS].sort((a, b) => a - b));
  });

  test('the environment', () => {
    const documented = items(section(udrvPage, 'ENVIRONMENT')).flatMap((item) => words(item.slice(0, 1), 'Ev'));
    const used = sources(join(ROOT, 'src')).flatMap((file) =>
      Array.from(readFileSync(file, 'utf8').matchAll(/\benv(?:\.|\[')([A-Z_]+)/g), (match) => match[1]),
    );
    expect(documented.sort()).toEqual([...new Set(used)].sort());
  });

  test('the fields of a device', () => {
    const { sys } = simulatedMachine();
    const keys = new Set(['path', 'code', 'hint', 'device', 'exit']);
    addKeys(keys, withUses(sys, listDevices(sys, new NameDatabase(sys), { all: true })));
    addKeys(keys, inspectPciDetails(new AttributeReader(sys), '0000:01:00.0'));
    // No simulated function has SR-IOV.
    const sriov: Sriov = { physicalFunction: null, totalVfs: null, virtualFunctions: [] };
    addKeys(keys, sriov);
    expect([...new Set(words(section(udrvPage, 'JSON OUTPUT'), 'Va'))].sort()).toEqual([...keys].sort());
  });
});

// A command with commands of its own has a page of its own: the next one that comes too.
const parents = [program, ...program.commands.filter((command) => command.commands.length > 0)];

describe.each(parents.map((parent) => [parent === program ? 'udrv.1' : `udrv-${parent.name()}.1`, parent] as const))(
  '%s and the program agree on',
  (name, parent) => {
    const page = parsePage(name);
    const blocks = new Map(items(section(page, 'COMMANDS')).map((item) => [words(headOf(item), 'Ic')[0], item]));
    const commands = program.createHelp().visibleCommands(parent);

    test('the commands', () => {
      expect([...blocks.keys()]).toEqual(commands.map((command) => command.name()));
    });

    // `help` takes the name of any command.
    const described = commands.filter((command) => command.name() !== 'help' && !parents.includes(command));

    test.each(described.map((command) => [command.name(), command] as const))('%s', (name, command) => {
      const block = blocks.get(name) ?? [];
      const options = optionsOf(command);
      expect(argumentsIn(headOf(block))).toEqual(command.registeredArguments.map((argument) => argument.name()));
      expect(optionItems(block.slice(1))).toEqual(signatures(options));
      const known = options.flatMap(({ short, long }) => [short, long]);
      for (const { short, long } of options)
        expect([...flags(headOf(block))].some((flag) => flag === short || flag === long)).toBe(true);
      for (const flag of flags(headOf(block))) expect(known).toContain(flag);
      for (const option of options) expectValues(block.slice(1), option);
      for (const { argChoices = [] } of command.registeredArguments)
        expect(words(block, 'Cm')).toEqual(expect.arrayContaining(argChoices));
    });

    test('what options there are, wherever they are mentioned', () => {
      const known = [program, ...commands].flatMap((command) => optionsOf(command, true));
      for (const flag of flags(page)) expect(known.flatMap(({ short, long }) => [short, long])).toContain(flag);
    });
  },
);

describe('udrv-uio.1 and the program agree on', () => {
  test('the exit codes', () => {
    for (const code of items(section(uioPage, 'EXIT STATUS')).flatMap(numbers))
      expect([...Object.values(Exit), ...SIGNAL_EXITS]).toContain(code);
  });

  test.each([
    ['read', 'uio read uio0 map0 0x0'],
    ['watch-irq', 'uio watch-irq uio1 --count 1'],
    ['bench', 'uio bench uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 -c 1'],
  ])('the fields that %s prints', async (name, line) => {
    const item =
      items(section(uioPage, 'JSON OUTPUT')).find((lines) => words(headOf(lines), 'Ic').includes(name)) ?? [];
    const example = item.map((text) => text.replace(/^\.Li /, '')).find((text) => text.startsWith('{')) ?? '';
    const output: string[] = [];
    const printed = build((text) => output.push(text)).program;
    await printed.parseAsync(['--sim', '--json', ...line.split(' ')], { from: 'user' });
    const [documented, actual] = [new Set<string>(), new Set<string>()];
    addKeys(documented, JSON.parse(example));
    addKeys(actual, JSON.parse(output.join('')));
    expect([...documented]).toEqual([...actual]);
  });
});

describe('udrv-vfio.1 and the program agree on', () => {
  const vfioPage = parsePage('udrv-vfio.1');
  /** @param name of a command, or of one with an option: `groups -t` */
  const documentedFor = (name: string) =>
    items(section(vfioPage, 'JSON OUTPUT')).find((lines) => {
      const head = [...words(headOf(lines), 'Ic'), ...words(headOf(lines), 'Fl')];
      return name.split(' -').every((word) => head.includes(word));
    }) ?? [];

  test.each([
    ['groups', 'vfio groups', ['pid', 'command', 'node', 'by']],
    ['groups -t', 'vfio groups -t', ['path', 'code', 'pid', 'command', 'node', 'by']],
    ['info', 'vfio info 0000:00:03.0', ['offset', 'size', 'type', 'subtype', 'address', 'group']],
    ['watch-irq', 'vfio watch-irq 0000:00:03.0 --irq req --loopback --count 1', []],
    ['dma-test', 'vfio dma-test 0000:00:03.0 --tier generic', []],
  ])('the fields that %s prints', async (name, line, mayBeThere) => {
    const output: string[] = [];
    await build((text) => output.push(text)).program.parseAsync(['--sim', '--json', ...line.split(' ')], {
      from: 'user',
    });
    const actual = new Set<string>();
    addKeys(actual, JSON.parse(output.join('')));
    const documented = new Set(words(documentedFor(name), 'Va'));
    expect([...actual].filter((key) => !documented.has(key))).toEqual([]);
    const unseen = new Set<string>(mayBeThere);
    expect([...documented].filter((key) => !actual.has(key) && !unseen.has(key))).toEqual([]);
  });

  test('the exit codes', () => {
    for (const code of items(section(vfioPage, 'EXIT STATUS')).flatMap(numbers))
      expect([...Object.values(Exit), ...SIGNAL_EXITS]).toContain(code);
  });
});

// The program

function build(print: (text: string) => void = () => {}): { program: Command } {
  const stream = { isTTY: false, write: print } as unknown as OutputStream;
  return buildProgram(stream, stream, {});
}

/** Lists the options that the help shows, --help itself only if asked for. */
function optionsOf(command: Command, withHelp = false): Option[] {
  return program
    .createHelp()
    .visibleOptions(command)
    .filter((option) => withHelp || option.long !== '--help');
}

function byName(option: Option): [string, Option] {
  return [option.long ?? '', option];
}

/** `-o, --output file` */
function signatures(options: readonly Option[]): string[] {
  return options.map(({ flags }) => flags.replace(/[<>[\]]/g, '')).sort();
}

function addKeys(keys: Set<string>, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) keys.add(key);
    addKeys(keys, inner);
  }
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

// The pages

function parsePage(name: string): string[] {
  return readFileSync(join(MAN, name), 'utf8')
    .split('\n')
    .filter((line) => !line.startsWith('.\\"'));
}

function section(page: readonly string[], title: string): string[] {
  const start = page.indexOf(`.Sh ${title}`);
  if (start < 0) throw new Error(`no section ${title}`);
  const length = page.slice(start + 1).findIndex((line) => line.startsWith('.Sh '));
  return page.slice(start + 1, length < 0 ? undefined : start + 1 + length);
}

/** The items of the outermost lists, each with its lines. */
function items(lines: readonly string[]): string[][] {
  const found: string[][] = [];
  let depth = 0;
  for (const line of lines) {
    if (line.startsWith('.El')) depth--;
    if (depth === 1 && line.startsWith('.It')) found.push([]);
    if (depth > 0) found.at(-1)?.push(line);
    if (line.startsWith('.Bl')) depth++;
  }
  return found;
}

/** The line or lines of `.It` itself. */
function headOf(item: readonly string[]): string[] {
  return item.slice(0, item[0]?.includes('Xo') ? item.indexOf('.Xc') : 1);
}

/** Yields the words that each macro is given: `.It Fl w , -width Ar bytes` is Fl w, Fl -width, Ar bytes. */
function* macros(lines: readonly string[]): Generator<{ macro: string; word: string }> {
  for (const line of lines) {
    if (!line.startsWith('.')) continue;
    let macro = '';
    for (const word of line.slice(1).split(/\s+/)) {
      if (MACRO.test(word)) macro = word;
      else if (!DELIMITER.test(word)) yield { macro, word };
    }
  }
}

function words(lines: readonly string[], wanted: string): string[] {
  return [...macros(lines)].filter(({ macro }) => macro === wanted).map(({ word }) => word);
}

/** `-n`, `--dry-run`; several letters are as many options. */
function flagNames(word: string): string[] {
  return word.startsWith('-') ? [`-${word}`] : Array.from(word, (letter) => `-${letter}`);
}

function flags(lines: readonly string[]): Set<string> {
  return new Set(words(lines, 'Fl').flatMap(flagNames));
}

/** `Ar` that is no option's value: an option's stands on its line, right behind it. */
function argumentsIn(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const given = [...macros([line])];
    return given.filter(({ macro }, i) => macro === 'Ar' && given[i - 1]?.macro !== 'Fl').map(({ word }) => word);
  });
}

/** The items of a list of options, as `signatures` has them. */
function optionItems(lines: readonly string[]): string[] {
  return items(lines)
    .map((item) => {
      const head = headOf(item);
      return [[...flags(head)].join(', '), ...words(head, 'Ar')].join(' ');
    })
    .sort();
}

/** An option's item names each of its choices and no other, and its default. */
function expectValues(lines: readonly string[], option: Option): void {
  const item = items(lines).find((candidate) => flags(headOf(candidate)).has(option.long ?? '')) ?? [];
  const { argChoices, defaultValue } = option;
  if (argChoices !== undefined) expect([...new Set(words(item, 'Cm'))].sort()).toEqual([...argChoices].sort());
  if (typeof defaultValue === 'string' || typeof defaultValue === 'number')
    expect(item.join(' ')).toMatch(new RegExp(`\\b${defaultValue}\\b`));
}

function numbers(item: readonly string[]): number[] {
  return Array.from(item[0]?.matchAll(/\d+/g) ?? [], Number);
}
