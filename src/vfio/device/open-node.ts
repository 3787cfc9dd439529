import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import { openFailed } from '../errors';

/**
 * Opens a node that a device is reached through.
 *
 * @param name for traces, where the path does not say it well
 */
export function openNode(sys: Sys, device: VfioDeviceInfo, path: string, name?: string): number {
  try {
    return sys.open(path, { write: true, ...(name !== undefined && { name }) });
  } catch (error) {
    throw openFailed(sys, device, error);
  }
}
