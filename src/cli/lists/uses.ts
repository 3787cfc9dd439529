import { kernelDevices } from '../../bind/in-use/kernel-devices';
import type { DeviceInfo } from '../../model/device';
import { readSriov } from '../../pci/sriov';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { kernelDeviceText } from '../devices/pci-facts';
import type { List, ListColumn } from './column';

/** Adds the interfaces and disks of PCI functions, and their places in SR-IOV. */
export function withUses(sys: SysTree, devices: readonly DeviceInfo[]): DeviceInfo[] {
  const reader = new AttributeReader(sys);
  const found = kernelDevices(sys);
  return devices.map((device) => {
    if (device.framework === 'usb' || device.pci === undefined) return device;
    const address = device.framework === 'uio' ? device.uio.parent : device.address;
    if (address === null) return device;
    const uses = { sriov: readSriov(reader, address), kernelDevices: found.get(address) ?? [] };
    return { ...device, pci: { ...device.pci, ...uses } } as DeviceInfo;
  });
}

const USE: ListColumn<DeviceInfo> = {
  name: 'use',
  title: 'USE',
  need: 7,
  fields: ['pci.kernelDevices', 'pci.sriov'],
  cell: (device) => textsOf(device).join(', ') || '-',
  value: textsOf,
};

/** Returns a list with a column of the uses in front of the names. */
export function listWithUses(list: List<DeviceInfo>): List<DeviceInfo> {
  return { ...list, columns: [...list.columns.slice(0, -1), USE, ...list.columns.slice(-1)] };
}

/** Returns `eth0 *active*`, as dpdk-devbind shows it, `2 VFs` and `VF of 0000:01:00.0`. */
function textsOf(device: DeviceInfo): string[] {
  const { kernelDevices = [], sriov = null } = ('pci' in device ? device.pci : undefined) ?? {};
  const vfs = sriov?.virtualFunctions.length ?? 0;
  const physical = sriov?.physicalFunction ?? null;
  return [
    ...kernelDevices.map(kernelDeviceText),
    ...(vfs > 0 ? [`${vfs} ${vfs === 1 ? 'VF' : 'VFs'}`] : []),
    ...(physical === null ? [] : [`VF of ${physical}`]),
  ];
}
