import { usageError } from '../errors';
import { checkSteps, type Places } from '../session/check';
import { parseSteps, type Step } from '../session/grammar';
import { type NameSource, Scope, type SessionDeviceInfo } from '../session/scope';
import { VERBS } from '../session/steps';
import { findUDmaBuf } from '../uio/u-dma-buf';
import type { VfioOpenOptions } from '../vfio/device/device';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { readInput } from './program/input';
import { argument, openOptions } from './program/options';
import { caughtUp, interruptible } from './program/signals';
import { mapOption } from './registers/options';
import { sessionNames } from './session/names';
import { findSessionDevice, openSession, openStep } from './session/open';
import { printFaults, printStep } from './session/print';

export const command: VerbSpec = {
  description: 'steps with a device that stays open: one open, all steps, and everything put back',
  arguments: [
    argument('<device>', 'UIO, VFIO or USB', {}),
    argument('<step...>', 'each in quotes; @FILE or - (standard input) has a step a line'),
  ],
  options: [...openOptions(), mapOption()],
  does: ['open', 'wait', 'change'],
  decides: true,
  examples: [
    "do 0000:00:03.0 'write bar0:0x4 0x12345678' 'read bar0:0x4'",
    "-n do 0000:00:03.0 'buf A 4K' 'write bar0:0x80 A' 'free A'",
  ],
  run: doSteps,
};

/** The longest step file. */
const LARGEST_FILE = 1024 * 1024;

async function doSteps(
  context: Context,
  selector: string,
  given: string[],
  options: VfioOpenOptions & { map?: string[] },
): Promise<number | undefined> {
  const { text, places } = textOf(given, context.options.timeout);
  const info = findSessionDevice(context, selector);
  const steps = parseSteps(text);
  if (steps.length === 0) throw usageError('usage', 'no step', "udrv do DEVICE 'STEP'...");
  const names = sessionNames(context, info, options);
  check(context, info, names, steps, given, places);
  if (context.options.dryRun) {
    context.printSteps([openStep(info), ...texts(steps)]);
    return undefined;
  }
  return interruptible(async (signal) => {
    using session = openSession(context, info, options, names);
    await session.do(text, {
      signal,
      places,
      onStep: (done) => {
        printStep(context, done);
        return caughtUp();
      },
      onFaults: (faults, step) =>
        printFaults(context, faults, info.address, step === null ? undefined : { step, places }),
    });
    const late = await session.newFaults({ isLast: true });
    if (late.length > 0) printFaults(context, late, info.address);
  });
}

/** Returns the text of all steps, and the names that errors give them. */
function textOf(given: readonly string[], timeoutMs: number | undefined): { text: string; places: Places } {
  const [only = ''] = given;
  const path = only === '-' ? only : only.startsWith('@') ? only.slice(1) : undefined;
  if (path === undefined) return { text: given.join('\n'), places: 'number' };
  if (given.length > 1) throw usageError(only, 'has all the steps: give no others');
  return { text: readInput(path, LARGEST_FILE, timeoutMs).toString('utf8'), places: 'line' };
}

/** Checks all steps before the device is opened. */
function check(
  { sys }: Context,
  info: SessionDeviceInfo,
  names: NameSource,
  steps: readonly Step[],
  given: readonly string[],
  places: Places,
): void {
  const [first = '', second] = given;
  // A step without quotes comes as several.
  if (second !== undefined && Object.hasOwn(VERBS, first) && !Object.hasOwn(VERBS, second.split(' ', 1)[0] ?? ''))
    throw usageError(second, 'is not a step', `a step stands in quotes: udrv do DEVICE '${given.join(' ')}'`);
  checkSteps(steps, new Scope(info, sys.pageSize, { names, uDmaBuf: (name) => findUDmaBuf(sys, name) }), places);
}

function texts(steps: readonly Step[], indent = ''): string[] {
  return steps.flatMap((step) =>
    'steps' in step
      ? [`${indent}repeat ${step.count} {`, ...texts(step.steps, `${indent}  `), `${indent}}`]
      : [`${indent}${step.text}`],
  );
}
