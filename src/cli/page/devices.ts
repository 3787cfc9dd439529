import type { DeviceInfo, Region } from '../../model/device';
import { regionTable } from '../devices/describe';
import { deviceList } from '../lists/devices';
import { listWithUses } from '../lists/uses';
import type { Cell } from '../tables/row';
import type { MachineReport } from './gather';
import type { Section } from './section';

/** The devices of `udrv list --all`: its columns, and a state in front of the name. */
export function devicesSection({ devices }: MachineReport): Section {
  const { columns } = listWithUses(deviceList('list'));
  const [before, name] = [columns.slice(0, -1), columns.slice(-1)];
  const titles = [...before.map(({ title }) => title), 'STATE', ...name.map(({ title }) => title)];
  const table = {
    id: 'device-table',
    label: 'Devices',
    columns: titles.map((title) => ({ title, isOrdered: title === 'ADDRESS' })),
    rows: devices.map((device) => [
      ...before.map((column) => column.cell(device)),
      stateCell(device),
      ...name.map((column) => column.cell(device)),
    ]),
    rowId: (index: number) => devices[index]?.address,
  };
  return { id: 'devices', title: 'Devices', count: devices.length, parts: [table] };
}

function stateCell(device: DeviceInfo): string | Cell {
  if (device.framework === 'vfio') {
    const { group, viable, blockers } = device.vfio;
    if (group === null) return { text: 'no IOMMU group', meaning: 'warning' };
    if (viable === null) return '-';
    return viable
      ? { text: 'viable', meaning: 'good' }
      : { text: `not viable: blocked by ${blockers.join(', ')}`, meaning: 'bad' };
  }
  if (device.framework !== 'usb') return '-';
  const { authorized, configuration } = device.usb;
  if (authorized === false) return { text: 'not authorized', meaning: 'bad' };
  return configuration === null ? { text: 'not configured', meaning: 'warning' } : 'configured';
}

/** The regions of all devices: BARs, and the maps and ports of UIO devices. */
export function regionsSection({ devices }: MachineReport): Section {
  const all = devices.flatMap((device) => regionsOf(device).map((region) => ({ device, region })));
  const { titles, rows } = regionTable(all.map(({ region }) => region));
  const table = {
    id: 'region-table',
    label: 'Regions',
    columns: ['DEVICE', ...titles].map((title) => ({
      title,
      isDevice: title === 'DEVICE',
      isOrdered: title === 'DEVICE',
    })),
    rows: rows.map((row, index) => [all[index]?.device.address ?? '', ...row]),
  };
  return { id: 'regions', title: 'Regions', count: rows.length, parts: [table] };
}

function regionsOf(device: DeviceInfo): readonly Region[] {
  if (device.framework === 'usb') return [];
  return device.framework === 'uio' ? device.uio.regions : device.pci.regions;
}
