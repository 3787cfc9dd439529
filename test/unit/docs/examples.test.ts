import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import type { OutputStream } from '../../../src/cli/output/stream';
import { apart } from '../../../src/cli/parser/flags';
import { buildProgram } from '../../../src/cli/parser/program';
import { Exit, UdrvError } from '../../../src/errors';
import { simulatedMachine } from '../../../src/sim';
import { checkDocuments } from '../../schemas/check';

// Every command that README.md and the manual pages print as an example, run on the simulated machine in the order in
// which they stand. The commands of one document share a machine in a file, as they do for a reader with hardware, and
// each finds what the ones before it left; `udrv --sim` makes a new one each time.

const ROOT = join(__dirname, '../../..');
Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });
jest.setTimeout(60_000);

/**
 * Commands that end with another code than 0, because their text says so or because they wait for something that does
 * not happen here; `add` are options that keep them short.
 */
const OTHERWISE: Readonly<Record<string, { exit: number; add?: readonly string[] }>> = {
  'doctor 0000:02:01.0': { exit: Exit.failed },
  'vfio info 0000:02:01.0': { exit: Exit.busy },
  'usb int 1-3.1 0x81 --length 8': { exit: Exit.busy },
  'usb int 1-3.1 0x81 --length 8 --detach --timeout 5': { exit: Exit.timeout, add: ['--timeout', '200ms'] },
  'uio watch-irq uio0 --ack map0:0x64=map0:0x24': { exit: Exit.timeout, add: ['--timeout', '200ms'] },
  'uio watch-irq uio0 --count 1 --timeout 5 --ack map0:0x64=map0:0x24': {
    exit: Exit.timeout,
    add: ['--timeout', '200ms'],
  },
  'vfio watch-irq vfio0 --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24': { exit: Exit.ok, add: ['--count', '3'] },
  'bench report': { exit: Exit.ok, add: ['-c', '100'] },
  'bench report uio0 0000:00:03.0 --register map0:0x0 --register bar0:0x0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24':
    { exit: Exit.ok, add: ['-c', '100'] },
  '--json bench report 0000:01:00.0': { exit: Exit.ok, add: ['-c', '100'] },
  'bench report 0000:01:00.0': { exit: Exit.ok, add: ['-c', '100'] },
  'bench report 1-2 --endpoint 0x81 --queue 1,8 --seconds 3': { exit: Exit.ok, add: ['--seconds', '0.1'] },
  // Jest imports no modules at run time: test/cli/session.test.ts runs it.
  'run fixtures/examples/edu-copy.mjs 0000:00:03.0 2048': { exit: Exit.ok, add: ['-n'] },
  'monitor --json --type usb --count 1 --timeout 1m': { exit: Exit.timeout, add: ['--timeout', '200ms'] },
};

// Hosts that are not there: test/cli/fleet.test.ts has some that are.
const WITH_HOSTS = /^--hosts? /;

const documents = ['README.md', ...readdirSync(join(ROOT, 'man')).map((page) => `man/${page}`)];
const examples = new Map(documents.map((name) => [name, commandsIn(name, readFileSync(join(ROOT, name), 'utf8'))]));

describe.each(documents)('the examples of %s', (name) => {
  const cwd = process.cwd();
  let folder = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'udrv-examples-'));
    makeFiles(folder);
    process.chdir(folder);
  });

  afterAll(() => {
    process.chdir(cwd);
    rmSync(folder, { recursive: true });
  });

  test.each(examples.get(name) ?? [])('udrv %s', async (line) => {
    const {
      exit = WITH_HOSTS.test(line) ? Exit.failed : Exit.ok,
      add = [],
    }: { exit?: number; add?: readonly string[] } = OTHERWISE[line] ?? {};
    expect(await run([...words(line), ...add])).toEqual({ exit, message: exit === Exit.ok ? '' : expect.any(String) });
  });
});

test('no exception stands for a command that no document has', () => {
  const all = [...examples.values()].flat();
  expect(all.length).toBeGreaterThan(70);
  expect(Object.keys(OTHERWISE).filter((line) => !all.includes(line))).toEqual([]);
});

/** Files that examples read: a dump of several functions, an image of one, a copied tree. */
function makeFiles(folder: string): void {
  const { sys } = simulatedMachine();
  copyFileSync(join(ROOT, 'fixtures/lab.lspci'), join(folder, 'dump.txt'));
  copyFileSync(join(ROOT, 'test/cli/fixtures/edu.json'), join(folder, 'edu.json'));
  writeFileSync(join(folder, 'config.bin'), sys.readFile('/sys/bus/pci/devices/0000:01:00.0/config'));
  writeFileSync(join(folder, 'zeros'), Buffer.alloc(1 << 20));
  writeFileSync(join(folder, 'lab.txt'), 'lab1\nlab2\n');
  mkdirSync(join(folder, 'tree/sys'), { recursive: true });
  cpSync(join(ROOT, 'fixtures/examples'), join(folder, 'fixtures/examples'), { recursive: true });
}

/** Runs a command line. @returns its exit code, and the message of its error, empty for none */
async function run(argv: readonly string[]): Promise<{ exit: number; message: string }> {
  const printed = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof printed) =>
    ({
      fd: 1,
      isTTY: false,
      write(text: string | Buffer) {
        printed[name] += text;
      },
      close() {},
    }) as unknown as OutputStream;
  const built = buildProgram(stream('stdout'), stream('stderr'), { XDG_CONFIG_HOME: process.cwd(), UDRV_SSH: 'false' });
  const { program, outcome } = built;
  const machine = argv.some((word) => /^--(?:sim|snapshot|sysroot|hosts?)(?:=|$)/.test(word)) ? [] : ['--sim=shared'];
  for (const command of [program, ...program.commands]) command.exitOverride().configureOutput({ outputError() {} });
  try {
    await program.parseAsync(apart([...machine, ...argv], built), { from: 'user' });
    checkDocuments(argv, printed);
    return { exit: outcome.exit, message: '' };
  } catch (error) {
    if (error instanceof UdrvError) return { exit: error.exit, message: `${error.subject}: ${error.message}` };
    if (error instanceof CommanderError) return { exit: Exit.usage, message: error.message };
    throw error;
  }
}

function commandsIn(name: string, text: string): string[] {
  const typed = name.endsWith('.md') ? typedInMarkdown(text) : typedInManual(text);
  return typed.flatMap((line) =>
    line
      .replace(/(^|\s)#.*$/, '')
      .split(/\s*(?:\||&&|;)\s*/)
      .flatMap(
        (command) =>
          /^(?:sudo |node |npm run lab -- (?:--\S+ (?:stock )?)*)?(?:bin\/)?udrv (.*)$/.exec(command)?.[1] ?? [],
      )
      .map((command) =>
        command
          .replace(/\s*>.*$/, '')
          .replace(/ --data -$/, ' --data @zeros')
          .trim(),
      ),
  );
}

/** Lines of blocks of shell, and of sessions what follows the prompt. */
function typedInMarkdown(text: string): string[] {
  return Array.from(text.matchAll(/^```(sh|console)\n([\s\S]*?)^```$/gm)).flatMap(([, language, block = '']) => {
    const lines = block.split('\n');
    return language === 'sh' ? lines : lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
  });
}

/** Lines behind a prompt, those that a backslash continues too. */
function typedInManual(text: string): string[] {
  return Array.from(text.replaceAll(/\\e\n\s*/g, '').matchAll(/^(?:\.Dl )?\$ (.*)$/gm), (match) => match[1] ?? '');
}

function words(line: string): string[] {
  return Array.from(line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g), (m) => m[1] ?? m[2] ?? m[3] ?? '');
}
