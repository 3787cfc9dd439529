import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { completeHint } from '../../../src/cli/output/hint';
import { wrapAdvice } from '../../../src/cli/output/wrap-advice';

const SRC = join(__dirname, '../../../src');
const SIM = { sim: true };
const SNAPSHOT = { snapshot: 'my machine' };
const COMMAND = /\budrv (?:bind|list|monitor|restore|show|snapshot|uio|unbind|usb|vfio)\b/;
const BLOCKED =
  'sudo udrv bind 0000:02:02.0 vfio-pci, or sudo udrv unbind 0000:02:02.0; sudo udrv bind 0000:02:01.0 vfio-pci --group does it for the whole group';

test.each([
  ['sudo udrv bind 0000:01:00.0 vfio-pci', 'udrv --sim bind 0000:01:00.0 vfio-pci'],
  [
    BLOCKED,
    'udrv --sim bind 0000:02:02.0 vfio-pci, or udrv --sim unbind 0000:02:02.0; udrv --sim bind 0000:02:01.0 vfio-pci --group does it for the whole group',
  ],
  ['udrv list --all shows what there is', 'udrv --sim list --all shows what there is'],
  ['--detach takes it from usb-storage', '--detach takes it from usb-storage'],
  ['sudo modprobe iommufd, or use --backend group', 'use --backend group'],
  ['smaller --chunk or --queue, or: echo 256 | sudo tee /sys/module/x', 'smaller --chunk or --queue'],
  ['load it: sudo modprobe vfio-pci', undefined],
  ['run as root, or: sudo chown "$USER" /dev/uio0  (for good, a udev rule)', undefined],
  ['in a container, pass the node in; else: sudo udevadm trigger -s uio', undefined],
  ['end that process first: kill 12', undefined],
  ['lspci -xxxx as root writes such a file', 'lspci -xxxx as root writes such a file'],
  ['it wants a VF token, which udrv does not give', 'it wants a VF token, which udrv does not give'],
  [undefined, undefined],
])('for the simulation: %s', (hint, completed) => {
  expect(completeHint(hint, SIM, false)).toBe(completed);
  expect(completeHint(hint, SIM, true)).toBe(completed);
});

test.each([
  ['sudo udrv bind 0000:01:00.0 vfio-pci', undefined],
  ['udrv usb config 1-2 1', undefined],
  [BLOCKED, undefined],
  ['udrv vfio groups shows who has what', "udrv --snapshot 'my machine' vfio groups shows who has what"],
  ['udrv list --type pci', "udrv --snapshot 'my machine' list --type pci"],
  ['it has map0', 'it has map0'],
  ['drop --snapshot to work with this machine', 'drop --snapshot to work with this machine'],
])('for a recorded machine, which can only be inspected: %s', (hint, completed) => {
  expect(completeHint(hint, SNAPSHOT, false)).toBe(completed);
  expect(completeHint(hint, { sysroot: 'my machine' }, true)).toBe(completed?.replace("--snapshot '", "--sysroot '"));
});

test.each([
  ['sudo udrv bind 0000:01:00.0 vfio-pci', undefined, 'udrv bind 0000:01:00.0 vfio-pci'],
  ['udrv bind 0000:01:00.0 vfio-pci', 'sudo udrv bind 0000:01:00.0 vfio-pci', undefined],
  ['udrv bind DEVICE... DRIVER', undefined, undefined],
  ['udrv show uio0', undefined, undefined],
  ['load it: sudo modprobe vfio-pci', undefined, 'load it: modprobe vfio-pci'],
  ['to go without: echo 1 | sudo tee /sys/x', undefined, 'to go without: echo 1 | tee /sys/x'],
])('for this machine sudo stands where it helps: %s', (hint, asUser, asRoot) => {
  expect(completeHint(hint, {}, false)).toBe(asUser ?? hint);
  expect(completeHint(hint, {}, true)).toBe(asRoot ?? hint);
});

test.each(['run as root, or: sudo chown "$USER" /dev/uio0', 'run it as root: sudo udrv ...'])(
  'root is not told to become root: %s',
  (hint) => {
    expect(completeHint(hint, {}, true)).toBeUndefined();
    expect(completeHint(hint, {}, false)).toBe(hint);
  },
);

test.each([
  [
    'sudo udrv bind 0000:01:00.0 vfio-pci',
    'udrv --sim=machine bind 0000:01:00.0 vfio-pci',
    'udrv bind 0000:01:00.0 vfio-pci',
  ],
  ['udrv usb config 1-2 1', 'udrv --sim=machine usb config 1-2 1', 'udrv usb config 1-2 1'],
  ['load it: sudo modprobe vfio-pci', undefined, undefined],
  ['use --backend group', 'use --backend group', 'use --backend group'],
])('a simulated machine in a file is named, unless the environment does it: %s', (hint, named, unnamed) => {
  expect(completeHint(hint, { sim: 'machine' }, false)).toBe(named);
  expect(completeHint(hint, { sim: 'machine', isFromEnvironment: true }, false)).toBe(unnamed);
  expect(completeHint('udrv list', { sim: "it's" }, false)).toBe(`udrv --sim='it'\\''s' list`);
});

describe('a hint on a terminal', () => {
  const wrapped = (text: string, columns: number | undefined = 40) => wrapAdvice(text, 'hint: ', columns).split('\n');

  test.each([
    ['short', ['hint: short', '']],
    [
      'words that go on and on until the line is full',
      ['hint: words that go on and on until the', '      line is full', ''],
    ],
    // A command is one word, though it is longer than the line.
    [
      'run it as root: sudo udrv bind 0000:01:00.0 vfio-pci --group; or leave it',
      ['hint: run it as root:', '      sudo udrv bind 0000:01:00.0 vfio-pci --group;', '      or leave it', ''],
    ],
    [
      'udrv list --type pci shows the functions for it; ls /sys/bus/pci/drivers lists',
      ['hint: udrv list --type pci shows the', '      functions for it;', '      ls /sys/bus/pci/drivers lists', ''],
    ],
    [
      'to go without: echo Y | sudo tee /sys/module/vfio/parameters/x && udrv list',
      ['hint: to go without:', '      echo Y | sudo tee /sys/module/vfio/parameters/x && udrv list', ''],
    ],
    // A name of a program in a sentence is none.
    [
      'containers may kill it, echo it or cat it as they please',
      ['hint: containers may kill it, echo it or', '      cat it as they please', ''],
    ],
  ])('%s', (text, lines) => {
    expect(wrapped(text)).toEqual(lines);
  });

  test('that is none stays one line', () => {
    const text = 'word '.repeat(40).trim();
    expect(wrapAdvice(text, 'hint: ', undefined)).toBe(`hint: ${text}\n`);
  });
});

describe('no text of the sources that looks like a hint with a command', () => {
  const texts = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== 'cli/output/hint.ts')
    .flatMap((name) => hints(readFileSync(join(SRC, name), 'utf8')));

  test('is missed', () => {
    expect(texts.length).toBeGreaterThan(25);
  });

  test.each(texts)('names this machine when it is for another: %s', (hint) => {
    const completed = completeHint(hint, SIM, false) ?? '';
    expect(completed).not.toMatch(
      /\b(?:sudo|modprobe|tee|chown|setpci|fuser|kill|dmesg|udevadm|umount|swapoff)\b|\/sys\//,
    );
    expect(completed).not.toMatch(COMMAND);
    const recorded = completeHint(hint, SNAPSHOT, true) ?? '';
    expect(recorded).not.toMatch(/\bsudo\b|\budrv (?:\S+ )*?(?:bind|unbind|restore|reset|config \S+ \d)\b|\/sys\//);
  });
});

/** The texts with a command: behind `hint`, or with sudo. Expressions in them are `X`. */
function hints(source: string): string[] {
  const literals = source
    .split('\n')
    .filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line) && /hint|Hint|sudo |HINT|[?:] [`']/.test(line))
    .flatMap((line) =>
      Array.from(line.matchAll(/`((?:[^`\\]|\\.)*)`|'((?:[^'\\]|\\.)*)'/g), (m) => m[1] ?? m[2] ?? ''),
    );
  return [...new Set(literals.map((text) => text.replace(/\$\{[^}]*\}/g, 'X')))].filter((text) =>
    /\bsudo \S|\budrv [a-z]+\b|\b(?:kill|umount|swapoff) |\b(?:cat|ls) \/|\bdmesg\b/.test(text),
  );
}
