import { Exit, UdrvError } from '../../errors';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { findInterface, parseByte, printChange } from '../transfers/interface';
import { claimedSteps, mustBeIdle, type TakeOptions, withUsb } from '../transfers/open';
import { INTERFACE_HELP, takeOptions } from '../transfers/options';

export const command: VerbSpec = {
  description: 'try an alternate setting: the kernel goes back to 0 afterwards',
  arguments: [argument('<interface>', INTERFACE_HELP), argument('<value>', 'bAlternateSetting')],
  options: takeOptions(),
  does: ['open', 'change'],
  examples: ['usb alt 1-2:1.0 1', '-n usb alt 1-4:1.0 0 --detach'],
  run: alt,
};

async function alt(
  context: Context,
  target: string,
  valueText: string,
  options: TakeOptions,
): Promise<number | undefined> {
  const value = parseByte('an alternate setting', valueText);
  const { info, intf, name } = findInterface(context, target);
  const settings = info.usb.interfaces.filter((i) => i.number === intf).map((i) => i.alt);
  if (!settings.includes(value))
    throw new UdrvError(`has no alternate setting ${value}`, {
      code: 'ENOENT',
      exit: Exit.notFound,
      subject: name,
      hint: `it has ${settings.join(', ')}`,
      device: info.address,
    });
  if (options.detach) mustBeIdle(context, info, intf, options.force);
  if (context.options.dryRun) {
    context.printSteps(
      claimedSteps(info, intf, options.detach ?? false, [`${name}: select alternate setting ${value}`]),
    );
    return undefined;
  }
  const code = await withUsb(context, info, (usb) => {
    usb.claim(intf, { detach: options.detach ?? false, alt: value });
  });
  if (code !== undefined) return code;
  // usb_unbind_interface() in drivers/usb/core/driver.c.
  if (value !== 0)
    context.note(
      `${name}: the device took it; the kernel goes back to setting 0 when udrv releases the interface: to work with it, give --alt ${value} to bulk, int or iso`,
    );
  printChange(context, name, { action: 'alt', alt: value });
  return undefined;
}
