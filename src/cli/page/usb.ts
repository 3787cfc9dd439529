import type { UsbDeviceInfo, UsbEndpoint, UsbInterface } from '../../model/device';
import { interfaceName } from '../../usb/inspect/address';
import { intervalText, packetText } from '../devices/describe';
import { USB_TREE_COLUMNS, usbTreeNodes } from '../devices/usb-tree';
import type { MachineReport } from './gather';
import { type Section, textOf, treeRows, withoutEmptyColumns } from './section';

/** The USB devices as `udrv usb list -t` draws them, with serial numbers, and below each its interfaces with their endpoints. */
export function usbSection({ usb, usbNodes, devices }: MachineReport): Section {
  const details = new Map<string, string[]>();
  for (const device of devices) if (device.framework === 'usb') addDetails(details, device);
  const rows = treeRows(usbTreeNodes(usb, usbNodes)).map((row) => [
    ...row,
    ...(details.get(textOf(row[0])) ?? ['', '', '']),
  ]);
  const table = {
    id: 'usb-table',
    label: 'USB tree',
    columns: [...USB_TREE_COLUMNS.map(({ title }) => title), 'CLASS', 'SERIAL', 'ENDPOINTS'].map((title, i) => ({
      title,
      isDevice: i === 0,
    })),
    rows,
    isTree: true,
  };
  return { id: 'usb', title: 'USB tree', count: rows.length, parts: [withoutEmptyColumns(table)] };
}

/** Notes the cells of a device, and of its interfaces as they are set now. */
function addDetails(details: Map<string, string[]>, device: UsbDeviceInfo): void {
  const { usb, address } = device;
  details.set(address, [usb.class ?? '', usb.serial ?? '', '']);
  for (const setting of usb.interfaces)
    if (setting.active)
      details.set(interfaceName(device, setting.number), [
        classText(setting),
        '',
        setting.endpoints.map(endpointText).join('; '),
      ]);
}

const classText = (setting: UsbInterface) => `${setting.class}/${setting.subclass}/${setting.protocol}`;

/** `0x81 interrupt 8 every 10 ms` */
function endpointText(endpoint: UsbEndpoint): string {
  const interval = intervalText(endpoint);
  return `${endpoint.address} ${endpoint.type} ${packetText(endpoint)}${interval === '-' ? '' : ` every ${interval}`}`;
}
