import type { UsbDeviceInfo, UsbInterface } from '../../model/device';
import { idPair } from '../../text/ids';
import { speedText } from '../../text/speed';
import { interfaceName } from '../../usb/inspect/address';
import { listUsbNodes, type UsbNode } from '../../usb/inspect/nodes';
import { type UsbBranch, usbTree } from '../../usb/inspect/port-tree';
import { visible } from '../output/escape';
import { drawTrees, type TreeNode } from '../output/tree';
import type { Context } from '../program/context';
import type { Cell } from '../tables/row';

/** The columns of {@link usbTreeNodes}. */
export const USB_TREE_COLUMNS = [
  { title: 'DEVICE' },
  { title: 'DEV', need: 1 },
  { title: 'ID', need: 2 },
  { title: 'SPEED', need: 3 },
  { title: 'DRIVER', need: 4 },
  { title: 'NAME', least: 12 },
];

/** The slowest speed of USB 3, in Mbit/s. */
const SUPER_SPEED = 5000;

/** Draws hubs with what is in their ports, and below each device its interfaces with their drivers and nodes. */
export function drawUsbTree(context: Context, devices: readonly UsbDeviceInfo[]): string {
  const { style, unicode, width } = context;
  const roots = usbTreeNodes(usbTree(context.sys, devices), listUsbNodes(context.sys));
  return drawTrees(roots, { columns: USB_TREE_COLUMNS, style, unicode, width });
}

/** Returns the lines of the tree, for whatever draws them. */
export function usbTreeNodes(roots: readonly UsbBranch[], nodes: readonly UsbNode[]): TreeNode[] {
  return roots.map((root) => deviceNode(root, nodes));
}

function deviceNode(branch: UsbBranch, nodes: readonly UsbNode[]): TreeNode {
  const { device, portCount, controllerDriver } = branch;
  const { address, vendorId, deviceId, usb, name } = device;
  const ports = portCount === null ? '' : ` (${portCount} port${portCount === 1 ? '' : 's'})`;
  const active = usb.interfaces.filter((setting) => setting.active);
  return {
    cells: [
      { text: visible(address), meaning: 'heading' },
      String(usb.device),
      idPair(vendorId, deviceId),
      speedCell(usb.speedMbps),
      // The drivers of a device are those of its interfaces; that of a root hub's controller drives the bus.
      controllerDriver === null ? '' : driverCell(controllerDriver),
      `${visible(name)}${ports}`,
    ],
    children: [
      ...active.map((setting) => interfaceNode(device, setting, nodes)),
      ...branch.children.map((child) => deviceNode(child, nodes)),
    ],
  };
}

function interfaceNode(
  device: UsbDeviceInfo,
  { number, className, driver }: UsbInterface,
  nodes: readonly UsbNode[],
): TreeNode {
  const name = interfaceName(device, number);
  const own = nodes.filter((node) => node.interface === name).map(({ node }) => node);
  return {
    // Nodes in front: a narrow terminal cuts off the end, and the driver tells most of the class.
    cells: [
      visible(name),
      '',
      '',
      '',
      driverCell(driver),
      visible([own.join(' '), className].filter(Boolean).join('  ')),
    ],
    children: [],
  };
}

function speedCell(mbps: number | null): Cell {
  return { text: speedText(mbps), meaning: mbps !== null && mbps >= SUPER_SPEED ? 'good' : undefined };
}

/** A driver at work is good, an interface without one is free, and one that a program has claimed stands out. */
function driverCell(driver: string | null): Cell {
  return {
    text: visible(driver ?? '-'),
    meaning: driver === null ? undefined : driver === 'usbfs' ? 'warning' : 'good',
  };
}
