/** The tree of hubs, their ports, and the devices in them. */
import { posix } from 'node:path';
import { SysError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { USB_DEVICES } from './inspect';

export interface UsbBranch {
  device: UsbDeviceInfo;
  /** Number of ports of a hub; null: it is none. */
  portCount: number | null;
  /** The driver of a root hub's controller: `xhci_hcd`. */
  controllerDriver: string | null;
  children: UsbBranch[];
}

/**
 * Puts devices below the hubs that they are plugged in to.
 *
 * @param devices as a listing gives them; one whose hub is not among them stands at the top
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

/** Names the hub of a device: `1-2` is that of `1-2.3`, `usb1` that of `1-2`. */
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

/** Names the driver of the host controller: the device above the root hub, found through the root hub's link. */
function controllerDriver(sys: SysTree, reader: AttributeReader, dir: string): string | null {
  try {
    return reader.linkName(posix.join(USB_DEVICES, sys.readLink(dir), '../driver'));
  } catch (error) {
    if (error instanceof SysError) return null;
    throw error;
  }
}
