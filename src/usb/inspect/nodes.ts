/** Which nodes in /dev belong to a USB device: `/dev/ttyUSB0`, `/dev/sda`, `/dev/input/event3`. */
import { attempt } from '../../sys/attempt';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { parseUsbAddress, parseUsbInterface } from './address';

export interface UsbNode {
  /** `1-2`: the nearest USB device above it. */
  device: string;
  /** `1-2:1.0`; null where the kernel has put it beside the interfaces. */
  interface: string | null;
  node: string;
}

/** Generic ways to what other nodes are for: of no use to tell a device by. */
const DULL = /^\/dev\/(?:bus\/usb|bsg)\//;

/** Class devices whose parents have nodes of their own: of all the machine's, there are too many to read. */
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
 * The nodes of all USB devices, by name. sysfs's classes lead to what the kernel's drivers made, and the path to it
 * leads past the device. Opens nothing.
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
  // No link, or none that may be read: it leads nowhere.
  return attempt(() => sys.readLink(path), '');
}

/** The last device and interface in a path: `.../usb1/1-3/1-3.1/1-3.1:1.0/ttyUSB0/tty/ttyUSB0`. */
function ownerOf(path: string): Omit<UsbNode, 'node'> | null {
  const steps = path.split('/').reverse();
  const device = steps.find((step) => parseUsbAddress(step) !== null);
  if (device === undefined) return null;
  const intf = steps.find((step) => parseUsbInterface(step)?.device === device);
  return { device, interface: intf ?? null };
}

/** What the kernel calls its node, below /dev; null where it has none. */
function nodeName(reader: AttributeReader, dir: string): string | null {
  const name = /^DEVNAME=(.+)$/m.exec(reader.text(`${dir}/uevent`) ?? '')?.[1];
  return name === undefined ? null : `/dev/${name}`;
}
