import { Exit, UdrvError } from '../../errors';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument } from '../program/options';
import { findInterface, printChange } from '../transfers/interface';
import { withUsb } from '../transfers/open';
import { INTERFACE_HELP } from '../transfers/options';

export const command: VerbSpec = {
  description: 'have the kernel look for a driver of an interface',
  arguments: [argument('<interface>', INTERFACE_HELP)],
  does: ['open', 'change'],
  examples: ['usb attach 1-4:1.0', '-n usb attach 1-3.1:1.0'],
  run: attach,
};

async function attach(context: Context, target: string): Promise<number | undefined> {
  const { info, intf, name } = findInterface(context, target);
  if (context.options.dryRun) {
    context.printSteps([`${name}: have the kernel look for a driver`]);
    return undefined;
  }
  let driver: string | null = null;
  const code = await withUsb(context, info, (usb) => {
    if (!usb.attachDriver(intf))
      throw new UdrvError('no driver takes it', {
        code: 'ENODATA',
        exit: Exit.failed,
        subject: name,
        hint: `is its driver there? modprobe -R "$(cat /sys/bus/usb/devices/${name}/modalias)"`,
        device: info.address,
      });
    driver = usb.driverOf(intf);
    context.note(`${name}: driven by ${driver}`);
  });
  if (code === undefined) printChange(context, name, { action: 'attach', driver });
  return code;
}
