import type { Command } from 'commander';
import type { OutputStream } from '../../../src/cli/output/stream';
import { apart } from '../../../src/cli/parser/flags';
import { buildProgram } from '../../../src/cli/parser/program';

Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });

const nowhere: Partial<OutputStream> = { write: () => {} };
const whole = buildProgram(nowhere as OutputStream, nowhere as OutputStream, {});

test.each([
  ['usb list -tv', 'usb list -t -v'],
  ['list -aq', 'list -a -q'],
  ['-nqv list', '-n -q -v list'],
  ['--sim=machine list', '--sim-file=machine list'],
  ['list -- --sim=machine', 'list -- --sim=machine'],
  ['--sim list', '--sim list'],
  // Not clusters, or not of flags.
  ['list -a --all -', 'list -a --all -'],
  ['uio read -w4 uio0 map0 -4', 'uio read -w4 uio0 map0 -4'],
  ['list -- -av', 'list -- -av'],
  // Negative numbers, but not the value of an option.
  ['write uio0 map0 0 -0x10 -w 2', 'write uio0 map0 0 -16 -w 2'],
  ['write uio0 map0 0 -0b1_1 -n', 'write uio0 map0 0 -3 -n'],
  ['usb bulk 1-2 1 --text -0x10', 'usb bulk 1-2 1 --text=-0x10'],
  // The value of an option, whatever it looks like; a flag has none.
  ['list --sort -nan', 'list --sort=-nan'],
  ['list --sort -name -av', 'list --sort=-name -a -v'],
  ['usb ls --sort -vendorId -tv', 'usb ls --sort=-vendorId -t -v'],
  ['list -o -nq', 'list -o-nq'],
  ['usb bulk 1-2 1 --text -v -v', 'usb bulk 1-2 1 --text=-v -v'],
  ['--timeout -nq list', '--timeout=-nq list'],
  ['--json -nq list', '--json -n -q list'],
  ['restore --all -nv', 'restore --all -n -v'],
  ['--snapshot list list --sort -av', '--snapshot list list --sort=-av'],
  ['list --sort --filter -av', 'list --sort --filter -a -v'],
  ['list --sort --json', 'list --sort --json'],
  ['write -- uio0 map0 0 -0x10', 'write -- uio0 map0 0 -0x10'],
])('%s', (line, expected) => expect(apart(line.split(' '), whole)).toEqual(expected.split(' ')));

test('every flag of one letter may stand in a cluster', () => {
  const { program } = whole;
  const commands = (command: Command): Command[] => [command, ...command.commands.flatMap(commands)];
  const flags = commands(program as Command)
    .flatMap(({ options }) => options)
    .filter(({ short, long, required, optional }) => short && long !== '--version' && !required && !optional)
    .map(({ short }) => `${short}`);
  expect([...new Set(flags)].sort()).toEqual(['-a', '-n', '-q', '-t', '-v']);
  for (const flag of flags) expect(apart([`${flag}v`], whole)).toEqual([flag, '-v']);
});
