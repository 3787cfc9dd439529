import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { findInterface, printChange } from '../transfers/interface';
import { mustBeIdle, type TakeOptions, withUsb } from '../transfers/open';
import { forceOption, INTERFACE_HELP } from '../transfers/options';

export const command: VerbSpec = {
  description: 'take an interface from its kernel driver',
  arguments: [argument('<interface>', INTERFACE_HELP)],
  options: [forceOption()],
  does: ['open', 'change'],
  examples: ['usb detach 1-3.1:1.0', '-n usb detach 1-4:1.0'],
  run: detach,
};

async function detach(context: Context, target: string, options: TakeOptions): Promise<number | undefined> {
  const { info, intf, name } = findInterface(context, target);
  mustBeIdle(context, info, intf, options.force);
  if (context.options.dryRun) {
    context.printSteps([`${name}: take it from its driver`]);
    return undefined;
  }
  let driver: string | null = null;
  const code = await withUsb(context, info, (usb) => {
    driver = usb.driverOf(intf);
    if (usb.detachDriver(intf)) context.note(`${name}: taken from ${driver}; udrv usb attach ${name} gives it back`);
    else context.note(`${name}: has no driver`);
  });
  if (code === undefined) printChange(context, name, { action: 'detach', driver });
  return code;
}
