/** Nodes in /dev that belong to a USB device: `/dev/ttyUSB0`, `/dev/sda`, `/dev/input/event3`. */
import { SysError } from '../../errors';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { parseUsbAddress, parseUsbInterface } from './address';

export interface UsbNode {
  /** The nearest USB device above it: `1-2`. */
  device: string;
  /** The interface: `1-2:1.0`; null where the kernel has put the node beside the interfaces. */
  interface: string | null;
  node: string;
}

/** Nodes that every such device has, of no use to tell one by. */
const DULL = /^\/dev\/(?:bus\/usb|bsg)\//;

/** Classes whose devices have no nodes of their own, and are too many to read. */
const CLASSES_WITHOUT_NODES = new Set([
  'net',
  'bdi',
  'scsi_host',
  'scsi_disk',
  'scsi_device',
  'pci_bus',
  'thermal',
  'hwmon',
  'leds',
]);

/**
 * Lists the nodes of all USB devices, by name. The classes in sysfs link to all that drivers made, and the path of each
 * leads past its device. Opens nothing.
 */
export function listUsbNodes(sys: SysTree): UsbNode[] {
  const reader = new AttributeReader(sys);
  const found = new Map<string, UsbNode>();
  for (const className of reader.names('/sys/class')) {
    if (CLASSES_WITHOUT_NODES.has(className)) continue;
    for (const name of reader.names(`/sys/class/${className}`)) {
      const link = `/sys/class/${className}/${name}`;
      const owner = ownerOf(linkOf(sys, link));
      const node = owner === null ? null : nodeName(reader, link);
      if (owner !== null && node !== null && !DULL.test(node)) found.set(node, { ...owner, node });
    }
  }
  return [...found.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
}

function linkOf(sys: SysTree, path: string): string {
  try {
    return sys.readLink(path);
  } catch (error) {
    // No link, or one that may not be read, leads nowhere.
    if (error instanceof SysError) return '';
    throw error;
  }
}

/** Finds the last device and interface in a path: `.../usb1/1-3/1-3.1/1-3.1:1.0/ttyUSB0/tty/ttyUSB0`. */
function ownerOf(path: string): Omit<UsbNode, 'node'> | null {
  const steps = path.split('/').reverse();
  const device = steps.find((step) => parseUsbAddress(step) !== null);
  if (device === undefined) return null;
  const intf = steps.find((step) => parseUsbInterface(step)?.device === device);
  return { device, interface: intf ?? null };
}

/** Reads the node's name from the uevent attribute. @returns null where it has no node */
function nodeName(reader: AttributeReader, dir: string): string | null {
  const name = /^DEVNAME=(.+)$/m.exec(reader.text(`${dir}/uevent`) ?? '')?.[1];
  return name === undefined ? null : `/dev/${name}`;
}
