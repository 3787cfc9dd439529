import type { Backend } from '../../vfio/backend';
import type { Context } from '../context';
import { findVfio, openVfio } from './target';

export function resetVfio(context: Context, selector: string, { backend }: { backend: Backend }): undefined {
  if (context.options.dryRun) {
    const { address } = findVfio(context, selector);
    context.printSteps([`open ${address}`, `VFIO_DEVICE_RESET on ${address}`]);
    return;
  }
  using device = openVfio(context, selector, { backend });
  device.reset();
  if (context.options.verbose) context.note(`${device.info.address}: reset`);
}
