import { findVfio, type OpenChoice, openVfio } from '../devices/vfio';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, openOptions } from '../program/options';
import { interruptible } from '../program/signals';

export const command: VerbSpec = {
  description: 'reset the function alone',
  arguments: [argument('<device>')],
  options: [...openOptions()],
  does: ['open', 'change'],
  examples: ['-n vfio reset 0000:00:03.0', '-n vfio reset 0000:02:01.0 --backend iommufd'],
  run: reset,
};

async function reset(
  context: Context,
  selector: string,
  { backend, vfToken }: OpenChoice,
): Promise<number | undefined> {
  const info = findVfio(context, selector);
  if (context.options.dryRun) {
    context.printSteps([`open ${info.address}`, `VFIO_DEVICE_RESET on ${info.address}`]);
    return undefined;
  }
  return interruptible(() => {
    using device = openVfio(context, info, { backend, vfToken });
    device.reset();
    if (context.options.verbose) context.note(`${device.info.address}: reset`);
  });
}
