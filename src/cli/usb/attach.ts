import { Exit, UdrvError, usageError } from '../../errors';
import { giveBackLeft, leftByKilled } from '../journal/mend';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, missingArgument, option } from '../program/options';
import { findInterface, printChange } from '../transfers/interface';
import { withUsb } from '../transfers/open';
import { INTERFACE_HELP } from '../transfers/options';

export const command: VerbSpec = {
  description: 'have the kernel look for a driver of an interface',
  arguments: [argument('[interface]', `${INTERFACE_HELP}; required without --all`)],
  options: [option('-a, --all', 'all interfaces that a udrv which was killed has left without their drivers')],
  does: ['open', 'change'],
  mends: true,
  examples: ['usb attach 1-4:1.0', '-n usb attach 1-3.1:1.0'],
  run: attach,
};

async function attach(
  context: Context,
  target: string | undefined,
  { all }: { all?: boolean },
): Promise<number | undefined> {
  if (all) {
    if (target !== undefined) throw usageError('--all', 'means every interface that was left: give none');
    attachAll(context);
    return undefined;
  }
  if (target === undefined) throw missingArgument('interface', '--all');
  const { info, intf, name } = findInterface(context, target);
  if (context.options.dryRun) {
    context.printSteps([lookStep(name)]);
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

function lookStep(name: string): string {
  return `${name}: have the kernel look for a driver`;
}

/** @throws AggregateError with the errors of the interfaces that no driver took */
function attachAll(context: Context): void {
  if (context.options.dryRun) {
    context.printSteps(leftByKilled(context).map(({ name }) => lookStep(name)));
    return;
  }
  const { interfaces, errors } = giveBackLeft(context);
  if (context.options.json)
    context.printJson({
      schema: 'udrv.usb.attached/1',
      interfaces: interfaces.map(({ name, driver }) => ({ interface: name, driver })),
    });
  else if (interfaces.length === 0 && errors.length === 0)
    context.note('no interface was left without its driver: there is nothing to give back');
  if (errors.length > 0) throw new AggregateError(errors);
}
