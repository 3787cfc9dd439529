/** How USB devices hang on each other: hubs and their ports, and what the listing leaves to sysfs. */

import { posix } from 'node:path';
import type { UsbDeviceInfo } from '../../model/device';
import { attempt } from '../../sys/attempt';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { USB_DEVICES } from './inspect';

export interface UsbBranch {
  device: UsbDeviceInfo;
  /** How many ports it has, as a hub; null: it is none. */
  portCount: number | null;
  /** The driver of a root hub's controller: `xhci_hcd`. */
  controllerDriver: string | null;
  children: UsbBranch[];
}

/**
 * Devices below the hubs that they hang on.
 *
 * @param devices as {@link listUsb} gives them; one whose hub is not among them stands at the top
 */
export function usbTree(sys: SysTree, devices: readonly UsbDeviceInfo[]): UsbBranch[] {
  const reader = new AttributeReader(sys);
  const branches = new Map(devices.map((device) => [device.address, branch(sys, reader, device)]));
  const roots: UsbBranch[] = [];
  for (const found of branches.values()) {
    const parent = branches.get(parentOf(found.device) ?? '');
    (parent?.children ?? roots).push(found);
  }
  return roots;
}

/** By its name: `1-2.3` hangs on `1-2`, and that on `usb1`. */
function parentOf({ address, usb }: UsbDeviceInfo): string | null {
  if (usb.ports.length === 0) return null;
  return usb.ports.length === 1 ? `usb${usb.bus}` : address.slice(0, address.lastIndexOf('.'));
}

function branch(sys: SysTree, reader: AttributeReader, device: UsbDeviceInfo): UsbBranch {
  const dir = `${USB_DEVICES}/${device.address}`;
  const ports = reader.number(`${dir}/maxchild`);
  const isHub = device.usb.class === '09' || (ports ?? 0) > 0;
  return {
    device,
    portCount: isHub ? ports : null,
    controllerDriver: device.usb.ports.length === 0 ? controllerDriver(sys, reader, dir) : null,
    children: [],
  };
}

/** The controller is the device above the root hub, which is found by where its link leads. */
function controllerDriver(sys: SysTree, reader: AttributeReader, dir: string): string | null {
  return attempt(() => reader.linkName(posix.join(USB_DEVICES, sys.readLink(dir), '../driver')), null);
}
