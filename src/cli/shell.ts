import { createInterface } from 'node:readline';
import { Cleanup } from '../cleanup';
import { usageError } from '../errors';
import type { VfioOpenOptions } from '../vfio/device/device';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, openOptions } from './program/options';
import { interruptible } from './program/signals';
import { mapOption } from './registers/options';
import { complete } from './session/complete';
import { History, historyPath } from './session/history';
import { sessionNames } from './session/names';
import { findSessionDevice, openSession, openStep } from './session/open';
import { Prompt } from './session/prompt';

export const command: VerbSpec = {
  description: 'a prompt for steps with a device that stays open; Ctrl-D puts everything back',
  arguments: [argument('<device>', 'UIO, VFIO or USB', {})],
  options: [...openOptions(), mapOption()],
  does: ['open', 'wait', 'change'],
  examples: ['-n shell 0000:00:03.0', '-n shell uio0'],
  run: shell,
};

/** Lines that can be reached with the arrow keys. */
const HISTORY_SIZE = 1000;

async function shell(
  context: Context,
  selector: string,
  options: VfioOpenOptions & { map?: string[] },
): Promise<number | undefined> {
  const info = findSessionDevice(context, selector);
  const names = sessionNames(context, info, options);
  if (context.options.dryRun) {
    context.printSteps([openStep(info)]);
    return undefined;
  }
  if (!process.stdin.isTTY)
    throw usageError(
      'shell',
      'standard input is no terminal',
      `udrv do ${info.address} - takes steps from a pipe or file`,
    );
  return interruptible(async (signal) => {
    using session = openSession(context, info, options, names);
    using cleanup = new Cleanup();
    const history = new History(historyPath(process.env));
    const terminal = cleanup.own(
      createInterface({
        input: process.stdin,
        output: context.stdout.isTTY ? process.stdout : process.stderr,
        terminal: true,
        history: [...history.lines].reverse(),
        historySize: HISTORY_SIZE,
        removeHistoryDuplicates: true,
        completer: (line: string) => complete(line, session.scope()),
      }),
    );
    terminal.on('line', (line) => history.add(line));
    context.note(`${info.address} is open; help lists the steps, Ctrl-D puts everything back`);
    await new Prompt(context, session, terminal).serve(signal);
  });
}
