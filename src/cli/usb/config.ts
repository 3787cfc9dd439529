import { findOf } from '../devices/find';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { driversOf, parseByte, printChange } from '../transfers/interface';
import { mustBeIdle, type TakeOptions, withUsb } from '../transfers/open';
import { forceOption } from '../transfers/options';

export const command: VerbSpec = {
  description: 'select a configuration, for which its drivers are taken away',
  arguments: [argument('<device>'), argument('<value>', 'bConfigurationValue; 0 is none')],
  options: [forceOption()],
  does: ['open', 'change'],
  examples: ['usb config 1-2 2', '-n usb config 1-4 0'],
  run: config,
};

async function config(
  context: Context,
  selector: string,
  valueText: string,
  options: TakeOptions,
): Promise<number | undefined> {
  const value = parseByte('a configuration', valueText);
  const info = findOf(context, 'usb', selector);
  const drivers = driversOf(info);
  mustBeIdle(context, info, null, options.force);
  if (context.options.dryRun) {
    const lost = drivers.map((d) => `${d.interface}: take it from ${d.driver}`);
    context.printSteps([...lost, `${info.address}: select configuration ${value}`]);
    return undefined;
  }
  for (const { interface: name, driver } of drivers)
    context.note(`${name}: ${driver} ${value === info.usb.configuration ? 'starts anew' : 'loses it'}`);
  const code = await withUsb(context, info, (usb) => {
    // The kernel changes nothing while an interface has a driver.
    usb.setConfiguration(value, { detach: true });
  });
  if (code === undefined) printChange(context, info.address, { action: 'config', configuration: value });
  return code;
}
