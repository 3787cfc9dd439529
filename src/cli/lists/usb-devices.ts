import type { UsbDeviceInfo } from '../../model/device';
import { speedText } from '../../text/speed';
import { threeDigits } from '../../usb/inspect/address';
import type { UsbNode } from '../../usb/inspect/nodes';
import type { Cell } from '../tables/row';
import type { List } from './column';
import { DEVICE_COLUMNS } from './devices';

/** Returns the list of USB devices. @param nodes finds the nodes of all, which takes a search */
export function usbList(nodes: () => readonly UsbNode[]): List<UsbDeviceInfo> {
  const nodesOf = ({ address }: UsbDeviceInfo) =>
    nodes()
      .filter(({ device }) => device === address)
      .map(({ node }) => node);
  const { address, id, driver, access, name } = DEVICE_COLUMNS;
  return {
    name: 'usb.list',
    columns: [
      address,
      {
        name: 'bus/dev',
        title: 'BUS/DEV',
        need: 4,
        fields: ['usb.bus', 'usb.device'],
        cell: ({ usb }) => `${threeDigits(usb.bus)}/${threeDigits(usb.device)}`,
      },
      { ...id, need: 8 },
      {
        name: 'usb.speedMbps',
        title: 'SPEED',
        need: 7,
        cell: ({ usb }) => speedCell(usb.speedMbps),
        value: ({ usb }) => usb.speedMbps,
      },
      { name: 'class', title: 'CLASS', need: 2, fields: ['usb.class'], cell: classText },
      { ...driver, need: 6 },
      { ...access, need: 5 },
      {
        name: 'nodes',
        title: 'NODES',
        need: 3,
        fields: [],
        cell: (device) => nodesOf(device).join(',') || '-',
        value: nodesOf,
      },
      { name: 'usb.serial', title: 'SERIAL', need: 1, cell: ({ usb }) => usb.serial ?? '-' },
      name,
    ],
    more: () => {
      const { fieldColumns } = require('./device-fields') as typeof import('./device-fields');
      const { framework, node } = DEVICE_COLUMNS;
      return [framework, node, ...fieldColumns(['', 'usb'])];
    },
  };
}

/** Classes of a device that refer to its interfaces. */
const CLASS_OF_INTERFACES = new Set(['00', 'ef', 'ff']);

function classText({ usb }: UsbDeviceInfo): string {
  const names = usb.interfaces.filter(({ active }) => active).map(({ className }) => className);
  const own = usb.class !== null && !CLASS_OF_INTERFACES.has(usb.class);
  return (own ? '' : [...new Set(names)].join(', ')) || (names[0] ?? '-');
}

/** The speed from which on a device is a SuperSpeed one. */
const SUPER_SPEED = 5000;

function speedCell(mbps: number | null): Cell {
  return { text: speedText(mbps), meaning: mbps !== null && mbps >= SUPER_SPEED ? 'good' : undefined };
}
