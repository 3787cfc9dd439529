import type { Backend } from '../../vfio/device/backend';
import type { Context } from '../context';
import { findVfio, openVfio } from './target';

export function resetVfio(context: Context, selector: string, { backend }: { backend: Backend }): undefined {
  const info = findVfio(context, selector);
  if (context.options.dryRun) {
    context.printSteps([`open ${info.address}`, `VFIO_DEVICE_RESET on ${info.address}`]);
    return;
  }
  using device = openVfio(context, info, { backend });
  device.reset();
  if (context.options.verbose) context.note(`${device.info.address}: reset`);
}
