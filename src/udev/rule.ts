import { Exit, UdrvError } from '../errors';
import type { DeviceInfo } from '../model/device';
import { pciPath } from '../pci/paths';
import { udevIds } from '../usb/inspect/udev-rule';
import { RULES } from './rules-file';

/** The one who is given a device: a group, or whoever sits at the machine (systemd-logind's seat). */
export type Grant = { group: string } | 'uaccess';

/** The rules for a device, and the file they belong in. */
export interface DeviceRules {
  path: string;
  /** Comments and rules. */
  lines: string[];
  /** Remarks on what rules cannot give. */
  notes: string[];
}

/** Tells whether groupadd(8) takes a name: nothing in such a one can end a string of udev's, or of a shell. */
export function isGroupName(name: string): boolean {
  return /^[a-z_][\w-]{0,31}$/i.test(name);
}

/**
 * Makes the udev rules that give a device to a user. They name the device by what stays over a boot: a USB device by its
 * ids, others by the address of the device behind the node. All values are checked or made here: nothing that a device
 * says of itself stands in a rule.
 *
 * @throws UdrvError exit 2 for a group's name that is none; exit 3 for a device without a node
 */
export function deviceRules(device: DeviceInfo, grant: Grant): DeviceRules {
  if (grant !== 'uaccess' && !isGroupName(grant.group))
    throw new UdrvError('is no name of a group', { code: 'usage', exit: Exit.usage, subject: grant.group });
  const give = grant === 'uaccess' ? 'TAG+="uaccess", MODE="0660"' : `GROUP="${grant.group}", MODE="0660"`;
  const { rules, notes } = rulesOf(device, grant, give);
  const name = device.address.replaceAll(/[^\w.:-]/g, '_');
  return {
    // Before 73-seat-late.rules, which acts on the tag.
    path: `${RULES}/70-udrv-${name}.rules`,
    lines: [`# ${device.address}: written by udrv udev; to take it back, remove this file`, ...rules],
    notes,
  };
}

function rulesOf(device: DeviceInfo, grant: Grant, give: string): { rules: string[]; notes: string[] } {
  switch (device.framework) {
    case 'usb':
      return {
        rules: [`SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ${udevIds(device)}, ${give}`],
        notes: [],
      };
    case 'uio':
      return uioRules(device, grant, give);
    case 'vfio':
      return vfioRules(device, give);
    case 'pci':
      throw new UdrvError('has no node to give: its driver is neither of UIO nor of VFIO', {
        code: 'ENODEV',
        exit: Exit.notFound,
        subject: device.address,
        device: device.address,
        hint: `sudo udrv bind ${device.address} vfio-pci`,
      });
  }
}

function uioRules(device: DeviceInfo & { framework: 'uio' }, grant: Grant, give: string) {
  const { parentDevice, parentBus, parent } = device.uio;
  const behind = parentDevice !== null && /^[\w.:@-]+$/.test(parentDevice) ? `, KERNELS=="${parentDevice}"` : '';
  const bus = behind !== '' && parentBus !== null && /^[\w-]+$/.test(parentBus) ? `, SUBSYSTEMS=="${parentBus}"` : '';
  const own = behind === '' ? `, KERNEL=="${device.address}"` : '';
  const match = `SUBSYSTEM=="uio"${own}${behind}${bus}`;
  const rules = [`${match}, ${give}`];
  if (parent === null || device.driver !== 'uio_pci_generic') return { rules, notes: [] };
  // Interrupts of uio_pci_generic are let through again by the Command register, in the configuration space.
  const config = pciPath(parent, 'config');
  if (grant === 'uaccess')
    return {
      rules,
      notes: [
        `re-arming interrupts of uio_pci_generic takes writing to ${config}, which uaccess cannot give: --group can`,
      ],
    };
  const run = (command: string) => `RUN+="/usr/bin/${command} ${config}"`;
  return { rules: [...rules, `${match}, ${run(`chgrp ${grant.group}`)}, ${run('chmod g+rw')}`], notes: [] };
}

function vfioRules(device: DeviceInfo & { framework: 'vfio' }, give: string) {
  const { address, vfio } = device;
  const rules = [
    // A group's number may be another at the next boot: udev asks for the group that has the device.
    `SUBSYSTEM=="vfio", TEST=="/sys/kernel/iommu_groups/%k/devices/${address}", ${give}`,
    `SUBSYSTEM=="vfio-dev", KERNELS=="${address}", ${give}`,
    ...(vfio.cdev === null ? [] : [`SUBSYSTEM=="misc", KERNEL=="iommu", ${give}`]),
  ];
  return {
    rules,
    notes: [
      `all that is mapped for DMA is locked memory: who is not root needs a memlock limit as large (ulimit -l; limits.conf(5))`,
    ],
  };
}
