import { Exit, UdrvError } from '../../errors';
import { pause } from '../../sys/wait';
import { inspectUsb } from '../../usb/inspect/inspect';
import { findOf } from '../devices/find';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { driversOf, printChange } from '../transfers/interface';
import { mustBeIdle, type TakeOptions, withUsb } from '../transfers/open';
import { forceOption } from '../transfers/options';

export const command: VerbSpec = {
  description: 'reset the device; its address and configuration stay',
  arguments: [argument('<device>')],
  options: [forceOption()],
  does: ['open', 'wait', 'change'],
  examples: ['usb reset 1-2', '-n usb reset 1-4'],
  run: reset,
};

/** The time that a device may take to come back as another one after a reset. */
const RETURN_MS = 5000;
const LOOK_MS = 50;

async function reset(context: Context, selector: string, options: TakeOptions): Promise<number | undefined> {
  const info = findOf(context, 'usb', selector);
  const { address } = info;
  const drivers = driversOf(info);
  mustBeIdle(context, info, null, options.force);
  if (context.options.dryRun) {
    context.printSteps([
      `${address}: reset its port`,
      ...drivers.map((d) => `${d.interface}: ${d.driver} starts anew`),
    ]);
    return undefined;
  }
  for (const { interface: name, driver } of drivers) context.note(`${name}: ${driver} starts anew`);
  const code = await withUsb(context, info, async (usb) => {
    try {
      usb.reset();
    } catch (error) {
      // Its descriptors have changed: the kernel enumerates it again, under another number.
      if (!(error instanceof UdrvError) || error.exit !== Exit.gone) throw error;
      await comesBack(context, address, context.options.timeout ?? RETURN_MS);
    }
  });
  if (code === undefined) printChange(context, address, { action: 'reset' });
  return code;
}

/** Waits until a device is enumerated and configured again. @throws exit 8 after `withinMs` */
async function comesBack(context: Context, address: string, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    await pause(LOOK_MS);
    const device = inspectUsb(context.sys, context.names, address);
    if (device !== null && device.access !== null && device.usb.configuration !== null) {
      context.note(`${address}: came back as another device: ${device.node}`);
      return;
    }
    if (performance.now() >= deadline)
      throw new UdrvError('did not come back after the reset', {
        code: 'ENODEV',
        exit: Exit.gone,
        hint: `udrv monitor --type usb shows when it does; a hub's port can be off: udrv usb list --tree`,
        device: address,
      });
  }
}
