import { listDevices } from '../../devices/list';
import { deviceNames, driverFilter, findDevices } from '../../devices/select';
import { type UdrvError, usageError } from '../../errors';
import { NO_NAMES } from '../../names/database';
import { attempt } from '../../sys/attempt';
import type { SysTree } from '../../sys/sys';
import { didYouMean } from '../../text/nearest';
import { shellWord } from '../../text/shell';
import { command as list } from '../list';
import type { Program } from '../parser/program';
import type { Context } from '../program/context';
import { command as show } from '../show';

type Exit = number | undefined;

type Parsed = Pick<Program, 'program' | 'load'>;

/**
 * Runs a line without a command: it lists, or shows the devices that its words name.
 *
 * @throws usage where the first word is no device
 */
export async function runWithoutCommand(context: Context, words: readonly string[], built: Parsed): Promise<Exit> {
  if (words.length > 0) return await runShow(context, words, built);
  const exit = await list.run(context, ...([[], {}] as never[]));
  if (listDevices(context.sys, NO_NAMES).length > 0)
    context.note('udrv DEVICE shows one of them; udrv list --all adds the PCI functions that the kernel drives');
  context.note('udrv --help shows what else there is');
  return exit;
}

async function runShow(context: Context, words: readonly string[], built: Parsed): Promise<Exit> {
  const [first = '', second] = words;
  if (!isSelector(first) && !matches(context, first)) throw noSuchCommand(built, words, () => context.sys);
  if (second !== undefined && built.program.commands.some((command) => command.name() === second))
    throw usageError('usage', `the command '${second}' stands before the device`, `udrv ${swapped(words).join(' ')}`);
  return await show.run(context, ...([words, {}] as never[]));
}

/** Makes the error of a line whose first word is neither a command nor a device. @param words the line */
export function noSuchCommand(built: Parsed, words: readonly string[], machine: () => SysTree): UdrvError {
  const [first = ''] = words;
  const commands = built.program.commands.map((command) => command.name());
  return usageError(
    'usage',
    `unknown command '${first}'`,
    commandElsewhere(built, words) ??
      attempt(() => driverFilter(machine(), first), undefined) ??
      didYouMean(first, [...commands, 'help', ...attempt(() => deviceNames(machine()), [])]) ??
      'udrv --help shows the commands; udrv list shows the devices',
  );
}

/** Returns the line with the frameworks before its first word that have a command of that name; undefined if none has. */
export function commandElsewhere({ program, load }: Parsed, words: readonly string[]): string | undefined {
  const [first = ''] = words;
  const nouns = program.commands.filter((command) => FRAMEWORKS.has(command.name()));
  nouns.forEach(load);
  const lines = nouns
    .filter(({ commands }) => commands.some((command) => command.name() === first))
    .map((noun) => `udrv ${[noun.name(), ...words].map(shellWord).join(' ')}`);
  return lines.length === 0 ? undefined : lines.join(', or ');
}

const FRAMEWORKS: ReadonlySet<string> = new Set(['uio', 'vfio', 'usb']);

/** Returns the words with the first behind those that are its command. */
function swapped([device = '', command = '', ...rest]: readonly string[]): string[] {
  return [command, device, ...rest];
}

/** Selectors whose form tells that they are meant to be some: a command never looks like one. */
const FORMS = [
  /^(?:uio|vfio|usb)\d+$/,
  /^\/dev\//,
  /^sn:/,
  /^(?:[0-9a-f]{1,8}:)?[0-9a-f]{1,2}:[0-9a-f]{1,2}\.[0-7]$/i,
  /^\d+-\d+(?:\.\d+)*(?::\d+\.\d+)?$/,
  /^\d{1,3}[/:]\d{1,3}$/,
  /^(?=.+:|:.)(?:[0-9a-f]{4})?:(?:[0-9a-f]{4})?$/i,
];

/** Tells whether a word can only be meant as a device. */
export function isSelector(word: string): boolean {
  return FORMS.some((form) => form.test(word));
}

function matches({ sys }: Context, word: string): boolean {
  return word !== '' && attempt(() => findDevices(sys, NO_NAMES, word), []).length > 0;
}
