import type { GroupDevice, GroupReport } from '../../devices/iommu-groups';
import { comparePciAddresses } from '../../pci/address';
import { isVfioDriver } from '../../vfio/inspect/drivers';
import { firmwareRequirement } from '../../vfio/inspect/reserved-regions';
import type { Cell } from '../tables/row';
import type { List, ListColumn } from './column';
import { fieldColumn } from './device-fields';

/** A row of the list of IOMMU groups: a member, and the group that it is in. */
export interface GroupRow {
  group: GroupReport;
  device: GroupDevice;
  /** Whether the row of a group's first member shows the group for all, as a person reads it. */
  isGrouped: boolean;
  /** Whether somebody wants the group: one of its members is bound to VFIO, or the group was asked for. */
  isWanted: boolean;
}

/** Tells whether a member of a group is given to VFIO: what blocks it is worth telling then. */
export function hasVfioMember({ node, devices }: GroupReport): boolean {
  return node !== null || devices.some(({ driver }) => isVfioDriver(driver));
}

export const GROUP_LIST: List<GroupRow> = {
  name: 'vfio.groups',
  columns: [
    ofGroup({
      name: 'group',
      title: 'GROUP',
      cell: ({ group }) => String(group.group),
      value: ({ group }) => group.group,
    }),
    ofGroup({
      name: 'type',
      title: 'TYPE',
      need: 1,
      cell: ({ group }) => (group.noiommu ? 'no IOMMU' : (group.type ?? '-')),
    }),
    ofGroup({ name: 'viable', title: 'VIABLE', need: 5, cell: viableCell, value: ({ group }) => isViable(group) }),
    ofGroup({ name: 'holders', title: 'OWNER', need: 3, cell: ({ group }) => ownerText(group) }),
    {
      name: 'devices.address',
      title: 'DEVICE',
      cell: ({ device }) => device.address,
      compare: (a, b) => comparePciAddresses(a.device.address, b.device.address),
    },
    {
      name: 'id',
      title: 'ID',
      need: 2,
      fields: ['devices.vendorId', 'devices.deviceId'],
      cell: ({ device }) => (device.vendorId === null ? '-' : `${device.vendorId}:${device.deviceId}`),
    },
    { name: 'devices.driver', title: 'DRIVER', need: 4, cell: ({ device }) => device.driver ?? '-' },
    { name: 'devices.name', title: 'NAME', cell: nameCell, value: ({ device }) => device.name },
  ],
  more: () => [
    ...['vendorId', 'deviceId', 'blocks'].map((field) => fieldColumn<GroupRow>(`devices.${field}`, `device.${field}`)),
    ...['noiommu', 'iommu', 'node', 'access', 'blockers', 'reservedRegions'].map((field) =>
      fieldColumn<GroupRow>(field, `group.${field}`),
    ),
  ],
};

/** Makes a column of the group, which on a terminal the row of its first member shows for all. */
function ofGroup(column: ListColumn<GroupRow>): ListColumn<GroupRow> {
  return { ...column, cell: (row, before) => (isFirst(row, before) ? column.cell(row) : '') };
}

function isFirst({ group, isGrouped }: GroupRow, before: GroupRow | undefined): boolean {
  return !isGrouped || before?.group !== group;
}

function isViable(group: GroupReport): boolean | null {
  return firmwareRequirement(group.reservedRegions) === null ? group.viable : false;
}

function viableCell({ group, isWanted }: GroupRow): Cell {
  const viable = isViable(group);
  if (viable === null) return { text: '-' };
  if (viable) return { text: 'yes', meaning: 'good' };
  // A device that the kernel drives, as it should, is ordinary.
  return isWanted ? { text: 'NO', meaning: 'bad' } : { text: 'no' };
}

function ownerText({ holders, viable }: GroupReport): string {
  const owners = [...new Set(holders.map(({ pid, command }) => `${command}(${pid})`))];
  // Until somebody opens the group, the drivers of its members own it.
  return owners.join(' ') || (viable === false ? 'kernel' : '-');
}

/** Remarks on a group, whole and as a narrow terminal has them. */
const BLOCKS = ['<- blocks the group', '<- blocks'] as const;
const FIRMWARE = ['<- the firmware needs the group (RMRR)', '<- RMRR'] as const;

/** Returns the name, and the remark that tells why the group cannot be had, which is not to be shortened away. */
function nameCell(row: GroupRow, before?: GroupRow): string | Cell {
  const { group, device, isWanted } = row;
  const remarks = [
    ...(device.blocks && isWanted ? [BLOCKS] : []),
    ...(isFirst(row, before) && firmwareRequirement(group.reservedRegions) !== null ? [FIRMWARE] : []),
  ];
  if (remarks.length === 0) return device.name;
  const [tail, shortTail] = [0, 1].map((i) => remarks.map((forms) => `  ${forms[i]}`).join(''));
  return { text: device.name, tail: tail ?? '', shortTail: shortTail ?? '', meaning: 'warning' };
}
