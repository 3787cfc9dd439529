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

const HEADER = '# Written by udrv udev';
/** Before 73-seat-late.rules, which acts on the tag `uaccess`. */
const PREFIX = '70-udrv-';
/** Before the rules of the distribution, so that these have the last word on what udrv takes back. */
const FIRST = '00-udrv-';

/** Tells whether a text is from udrv, though it may have been changed since. */
export function isOurs(text: string): boolean {
  return text.startsWith(HEADER);
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
  const gift: Gift =
    grant === 'uaccess'
      ? { node: 'TAG+="uaccess", MODE="0660"', config: null }
      : {
          node: `GROUP="${grant.group}", MODE="0660"`,
          config: (path) => [`/usr/bin/chgrp ${grant.group} ${path}`, `/usr/bin/chmod g+rw ${path}`],
        };
  const { rules, notes } = rulesOf(device, gift);
  const name = stableName(device);
  return {
    path: `${RULES}/${PREFIX}${device.framework}-${name}.rules`,
    lines: [
      `${HEADER}: gives the ${device.framework.toUpperCase()} device ${name} to ${grant === 'uaccess' ? 'whoever sits at the machine' : `the group ${grant.group}`}.`,
      '# To end this, remove the file, which is what this does:',
      `#   sudo udrv udev ${name} --remove`,
      ...rules,
    ],
    notes,
  };
}

/**
 * Makes rules that give the nodes of a device back to root where no other rule gives them to somebody. They are to be
 * applied once and removed: without a rule udev leaves a node as it is.
 */
export function takingBack(device: DeviceInfo): { path: string; lines: string[] } {
  const { rules } = rulesOf(device, {
    node: 'OWNER="root", GROUP="root", MODE="0600"',
    config: (path) => [`/usr/bin/chgrp root ${path}`, `/usr/bin/chmod g-w ${path}`],
  });
  return {
    path: `${RULES}/${FIRST}${device.framework}-${stableName(device)}.rules`,
    lines: [`${HEADER} --remove, which removes it again.`, ...rules],
  };
}

/** Returns the files that may have rules of udrv for what a selector or a device is named by, whatever its framework. */
export function ruleFiles(name: string): string[] {
  if (!/^[\w.:@-]+$/.test(name)) return [];
  return ['usb', 'uio', 'vfio'].map((framework) => `${RULES}/${PREFIX}${framework}-${name}.rules`);
}

/** Returns what a device is named by in its rules, which stays over a boot. */
export function stableName(device: DeviceInfo): string {
  const name =
    device.framework === 'usb'
      ? `${device.vendorId ?? '0000'}:${device.deviceId ?? '0000'}`
      : device.framework === 'uio'
        ? (device.uio.parentDevice ?? device.address)
        : device.address;
  return name.replaceAll(/[^\w.:@-]/g, '_');
}

/** The part of a rule that gives: of the node, and for a PCI function's configuration space as programs to run. */
interface Gift {
  node: string;
  config: ((path: string) => string[]) | null;
}

function rulesOf(device: DeviceInfo, gift: Gift): { rules: string[]; notes: string[] } {
  switch (device.framework) {
    case 'usb':
      return {
        rules: [`SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ${udevIds(device)}, ${gift.node}`],
        notes: [],
      };
    case 'uio':
      return uioRules(device, gift);
    case 'vfio':
      return vfioRules(device, gift.node);
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

function uioRules(device: DeviceInfo & { framework: 'uio' }, gift: Gift) {
  const { parentDevice, parentBus } = device.uio;
  const behind = parentDevice !== null && /^[\w.:@-]+$/.test(parentDevice) ? `, KERNELS=="${parentDevice}"` : '';
  const bus = behind !== '' && parentBus !== null && /^[\w-]+$/.test(parentBus) ? `, SUBSYSTEMS=="${parentBus}"` : '';
  const own = behind === '' ? `, KERNEL=="${device.address}"` : '';
  const match = `SUBSYSTEM=="uio"${own}${behind}${bus}`;
  const rules = [`${match}, ${gift.node}`];
  const config = rearmingFile(device);
  if (config === null) return { rules, notes: [] };
  if (gift.config === null)
    return {
      rules,
      notes: [
        `re-arming interrupts of uio_pci_generic takes writing to ${config}, which uaccess cannot give: --group can`,
      ],
    };
  const run = gift.config(config).map((command) => `RUN+="${command}"`);
  return { rules: [...rules, `${match}, ${run.join(', ')}`], notes: [] };
}

/**
 * Returns the configuration space through whose Command register interrupts of uio_pci_generic are let through again;
 * null where another driver has the device.
 */
export function rearmingFile(device: DeviceInfo): string | null {
  if (device.framework !== 'uio' || device.driver !== 'uio_pci_generic') return null;
  const { parent } = device.uio;
  return parent === null ? null : pciPath(parent, 'config');
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
