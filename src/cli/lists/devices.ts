import type { DeviceInfo } from '../../model/device';
import { idPair } from '../../text/ids';
import { driverText } from '../devices/driver';
import { fullName } from '../devices/full-name';
import type { Cell } from '../tables/row';
import type { List, ListColumn } from './column';

/** The columns of lists of devices of any framework. */
export const DEVICE_COLUMNS = {
  framework: { name: 'framework', title: 'TYPE', need: 6, cell: ({ framework }) => framework },
  address: {
    name: 'address',
    title: 'ADDRESS',
    cell: ({ address }) => address,
    compare: (a, b) => require('./kernel-order').compareDevices(a, b),
  },
  id: {
    name: 'id',
    title: 'ID',
    need: 4,
    fields: ['vendorId', 'deviceId'],
    cell: ({ vendorId, deviceId }) => (vendorId === null && deviceId === null ? '-' : idPair(vendorId, deviceId)),
  },
  driver: { name: 'driver', title: 'DRIVER', need: 5, cell: (device) => driverText(device) ?? '-' },
  node: { name: 'node', title: 'NODE', need: 1, cell: ({ node }) => node ?? '-' },
  access: { name: 'access', title: 'ACCESS', need: 3, cell: accessCell },
  name: { name: 'name', title: 'NAME', cell: fullName },
} satisfies Record<string, ListColumn<DeviceInfo>>;

/** Returns a list of devices. @param name the words of the command */
export function deviceList(name: string): List<DeviceInfo> {
  return { name, columns: Object.values(DEVICE_COLUMNS), more: () => require('./device-fields').fieldColumns() };
}

export function accessCell({ access }: Pick<DeviceInfo, 'access'>): string | Cell {
  return access === 'none' ? { text: access, meaning: 'bad' } : (access ?? '-');
}
