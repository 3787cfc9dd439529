import type { DeviceInfo, Framework } from '../model/device';
import type { Names } from '../names/database';
import type { ReadError } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { listUio } from '../uio/inspect';
import { listUsb } from '../usb/inspect/inspect';
import { listPci } from './pci-functions';

export interface ListOptions {
  /** Only this framework; `pci` is every PCI function of the machine, whatever drives it. */
  type?: Framework | undefined;
  /** Beside what user space reaches now, the PCI functions that are not in the list yet. */
  all?: boolean | undefined;
  /** Takes a note of each list of devices that cannot be read; its devices are missing. */
  errors?: ReadError[] | undefined;
}

/** Lists the devices that a user-space driver can reach: UIO, then PCI functions by address, then USB. Opens no node. */
export function listDevices(
  sys: SysTree,
  names: Names,
  { type, all = false, errors = [] }: ListOptions = {},
): DeviceInfo[] {
  const wanted = (framework: Framework) => type === undefined || type === framework;
  const uio = wanted('uio') ? listUio(sys, errors, names) : [];
  const usb = wanted('usb') ? listUsb(sys, names, errors) : [];
  return [...uio, ...pciDevices(), ...usb];

  function pciDevices(): DeviceInfo[] {
    if (type === 'pci') return listPci(sys, names, { errors });
    if (type === 'vfio' || (type === undefined && !all)) return listPci(sys, names, { vfioOnly: true, errors });
    if (type !== undefined) return [];
    // A UIO device's parent is in the list already, under its UIO name.
    const shown = new Set(uio.map((device) => device.uio.parent));
    return listPci(sys, names, { errors }).filter((device) => !shown.has(device.address));
  }
}
