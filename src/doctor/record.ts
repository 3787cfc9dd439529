import type { DeviceInfo } from '../model/device';
import { attempt } from '../sys/attempt';
import type { SysTree } from '../sys/sys';
import { PLATFORM_DEVICES } from '../uio/platform';
import { diagnose } from './diagnose';

/** Reads all that a diagnosis of a machine and of each of its devices reads, so that a recording has it. */
export function readEvidence(tree: SysTree, devices: readonly DeviceInfo[]): void {
  diagnose(tree, undefined);
  for (const { address, framework } of devices) {
    diagnose(tree, address);
    if (framework === 'vfio' || framework === 'pci') diagnose(tree, address, { purpose: 'uio' });
  }
  for (const address of attempt(() => tree.readDir(PLATFORM_DEVICES), [])) {
    diagnose(tree, address, { purpose: 'uio' });
    diagnose(tree, address, { purpose: 'vfio' });
  }
}
