import type { DeviceInfo } from '../model/device';
import type { SysTree } from '../sys/sys';
import { driverlessForUio } from '../uio/platform';
import { diagnose } from './diagnose';

/** Reads all that a diagnosis of a machine and of each of its devices reads, so that a recording has it. */
export function readEvidence(tree: SysTree, devices: readonly DeviceInfo[]): void {
  diagnose(tree, undefined);
  for (const { address, framework } of devices) {
    diagnose(tree, address);
    if (framework === 'vfio' || framework === 'pci') diagnose(tree, address, { purpose: 'uio' });
  }
  for (const address of driverlessForUio(tree)) diagnose(tree, address);
}
