import type { Command } from 'commander';
import { listDevices } from '../../devices/list';
import { deviceNames, findDevices } from '../../devices/select';
import { usageError } from '../../errors';
import { NO_NAMES } from '../../names/database';
import { attempt } from '../../sys/attempt';
import { didYouMean } from '../../text/nearest';
import { command as list } from '../list';
import type { Context } from '../program/context';
import { command as show } from '../show';

type Exit = number | undefined;

/**
 * Runs a line without a command: it lists, or shows the devices that its words name.
 *
 * @throws usage where the first word is no device
 */
export async function runWithoutCommand(context: Context, words: readonly string[], program: Command): Promise<Exit> {
  if (words.length > 0) return await runShow(context, words, program);
  const exit = await list.run(context, ...([[], {}] as never[]));
  if (listDevices(context.sys, NO_NAMES).length > 0)
    context.note('udrv DEVICE shows one of them; udrv list --all adds the PCI functions that the kernel drives');
  context.note('udrv --help shows what else there is');
  return exit;
}

async function runShow(context: Context, words: readonly string[], program: Command): Promise<Exit> {
  const [first = '', second] = words;
  const commands = program.commands.map((command) => command.name());
  if (!isSelector(first) && !matches(context, first))
    throw usageError(
      'usage',
      `unknown command '${first}'`,
      didYouMean(first, [...commands, 'help', ...attempt(() => deviceNames(context.sys), [])]) ??
        'udrv --help shows the commands; udrv list shows the devices',
    );
  if (second !== undefined && commands.includes(second))
    throw usageError('usage', `the command '${second}' stands before the device`, `udrv ${swapped(words).join(' ')}`);
  return await show.run(context, ...([words, {}] as never[]));
}

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
  /^\d{1,3}\/\d{1,3}$/,
  /^(?=.+:|:.)(?:[0-9a-f]{4})?:(?:[0-9a-f]{4})?$/i,
];

/** Tells whether a word can only be meant as a device. */
export function isSelector(word: string): boolean {
  return FORMS.some((form) => form.test(word));
}

function matches({ sys }: Context, word: string): boolean {
  return word !== '' && attempt(() => findDevices(sys, NO_NAMES, word), []).length > 0;
}
