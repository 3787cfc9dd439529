import type { GroupDevice } from '../../devices/iommu-groups';
import type { TreeGroup } from '../../devices/iommu-tree';
import type { PciAttributes } from '../../model/device';
import type { PciLink } from '../../pci/function-details';
import { firmwareRequirement } from '../../vfio/inspect/reserved-regions';
import { IOMMU_TREE_COLUMNS, iommuTreeNodes } from '../devices/group-tree';
import { linkText, powerText } from '../devices/pci-facts';
import { hasVfioMember } from '../lists/groups';
import type { Cell } from '../tables/row';
import type { FunctionPlace, MachineReport } from './gather';
import { html, type Markup } from './html';
import {
  type Anchors,
  deviceLink,
  listed,
  type PageCell,
  type PageColumn,
  type Section,
  textOf,
  treeRows,
  withoutEmptyColumns,
} from './section';

/** The PCI hierarchy as `udrv groups -t` draws it. A function behind a UIO device has its row here alone. */
export function pciTreeSection({ iommu, devices }: MachineReport, anchors: Anchors): Section {
  const rows = treeRows(iommuTreeNodes(iommu));
  const others = new Set(anchors);
  for (const { address } of devices) others.delete(address);
  const table = {
    id: 'pci-table',
    label: 'PCI tree',
    columns: IOMMU_TREE_COLUMNS.map(({ title }, i) => ({ title, isDevice: i === 0 })),
    rows,
    rowId(index: number) {
      const address = textOf(rows[index]?.[0]);
      return others.has(address) ? address : undefined;
    },
    isTree: true,
  };
  return { id: 'pci', title: 'PCI tree', count: rows.length, parts: [table] };
}

const GROUP_COLUMNS: readonly PageColumn[] = [
  'GROUP',
  'TYPE',
  'VIABLE',
  'BLOCKED BY',
  'HELD BY',
  'NODE',
  'ACCESS',
  'IOMMU',
  'RESERVED',
  'MEMBERS',
].map((title) => ({ title }));

/** The IOMMU groups, each with its members and what keeps it from being given to user space. */
export function groupsSection({ iommu, isRecorded }: MachineReport, anchors: Anchors): Section {
  const { groups, holdersComplete } = iommu;
  const rows = groups.map((group): PageCell[] => [
    String(group.group),
    group.noiommu ? 'no IOMMU' : (group.type ?? '-'),
    viableCell(group),
    blockersCell(group, anchors),
    group.holders.map(({ command, pid }) => `${command} (${pid})`).join(', '),
    group.node ?? '-',
    group.access ?? '-',
    group.iommu ?? '-',
    group.reservedRegions.map(({ start, end, type }) => `${start}-${end} ${type}`).join(', '),
    listed(group.devices.map(({ address }) => deviceLink(address, anchors))),
  ]);
  const why = isRecorded ? 'a copy of a machine has no processes' : 'processes of other users cannot be looked into';
  const note = html`<p>Holders of groups are not all known: ${why}.</p>`;
  const table = { id: 'group-table', label: 'IOMMU groups', columns: GROUP_COLUMNS, rows };
  const whole = withoutEmptyColumns(table);
  const parts = holdersComplete || rows.length === 0 ? [whole] : [whole, note];
  return { id: 'groups', title: 'IOMMU groups', count: rows.length, parts };
}

/** A group that nobody wants is not viable, as it should be: the kernel drives its members. */
function viableCell(group: TreeGroup): string | Cell {
  const isFirmware = firmwareRequirement(group.reservedRegions) !== null;
  if (group.viable && !isFirmware) return { text: 'yes', meaning: 'good' };
  if (group.viable === null && !isFirmware) return '-';
  return { text: 'no', meaning: hasVfioMember(group) ? 'bad' : undefined };
}

function blockersCell({ devices, reservedRegions }: TreeGroup, anchors: Anchors): PageCell {
  const members = devices.filter(({ blocks }) => blocks).map((member) => memberMarkup(member, anchors));
  return listed(firmwareRequirement(reservedRegions) === null ? members : [...members, 'the firmware (RMRR)']);
}

function memberMarkup({ address, driver }: GroupDevice, anchors: Anchors): Markup {
  return html`${deviceLink(address, anchors)} (${driver ?? 'no driver'})`;
}

const deviceColumns = (titles: readonly string[]): PageColumn[] =>
  titles.map((title) => ({ title, isDevice: title === 'DEVICE', isOrdered: title === 'DEVICE' }));

const FUNCTION_COLUMNS = deviceColumns([
  'DEVICE',
  'CLASS',
  'REV',
  'SUBSYSTEM',
  'NUMA',
  'SLOT',
  'IRQ',
  'LINK',
  'POWER',
  'RESET',
  'SR-IOV',
]);

/** The PCI functions with what `udrv show` has of each: class, link, power, resets. */
export function functionsSection({ functions, devices }: MachineReport): Section {
  const attributes = new Map<string, PciAttributes>();
  for (const device of devices) {
    if (device.framework === 'usb' || device.pci === undefined) continue;
    const address = device.framework === 'uio' ? device.uio.parent : device.address;
    if (address !== null) attributes.set(address, device.pci);
  }
  const rows = functions.map((place): PageCell[] => {
    const pci = attributes.get(place.address);
    return [
      place.address,
      pci?.class ? `${pci.className ?? 'unknown'} (${pci.class})` : '-',
      pci?.revision ?? '-',
      pci?.subsystem ?? '-',
      String(pci?.numaNode ?? '-'),
      place.slot ?? '-',
      String(place.irq ?? '-'),
      linkCell(place.link),
      powerText(place) ?? '-',
      place.resetMethods?.join(', ') ?? '-',
      sriovText(place),
    ];
  });
  const table = { id: 'function-table', label: 'PCI functions', columns: FUNCTION_COLUMNS, rows };
  return { id: 'functions', title: 'PCI functions', count: rows.length, parts: [withoutEmptyColumns(table)] };
}

function sriovText({ sriov }: FunctionPlace): string {
  if (sriov === null) return '-';
  if (sriov.physicalFunction !== null) return `VF of ${sriov.physicalFunction}`;
  return `${sriov.virtualFunctions.length} of ${sriov.totalVfs ?? '?'} VFs`;
}

function linkCell(link: PciLink | null): string | Cell {
  if (link === null) return '-';
  return { text: linkText(link), meaning: isBelow(link) ? 'warning' : undefined };
}

/** Tells whether a link is slower or narrower than the function could have it. */
function isBelow({ speed, width, maxSpeed, maxWidth }: PciLink): boolean {
  const gigatransfers = Number.parseFloat;
  return gigatransfers(speed) < gigatransfers(maxSpeed ?? speed) || width < (maxWidth ?? width);
}

const LINK_COLUMNS = deviceColumns(['DEVICE', 'LINK', 'CAPABILITY', 'DRIVER', 'NAME']);

/** The links that are slower or narrower than their function could have them, for a slot, a cable or power saving. */
export function linksSection({ functions, devices }: MachineReport): Section {
  const byAddress = new Map(devices.map((device) => [device.address, device]));
  const links = functions.flatMap(({ address, link }) => (link === null ? [] : [{ address, link }]));
  const rows = links
    .filter(({ link }) => isBelow(link))
    .map(({ address, link: { speed, width, maxSpeed, maxWidth } }): PageCell[] => [
      address,
      `${speed} x${width}`,
      `${maxSpeed ?? speed} x${maxWidth ?? width}`,
      byAddress.get(address)?.driver ?? '-',
      byAddress.get(address)?.name ?? '-',
    ]);
  const none = links.length === 0 ? 'No function reports its link.' : `None of ${links.length} links.`;
  const table = { id: 'link-table', label: 'Links below capability', columns: LINK_COLUMNS, rows };
  const parts = rows.length === 0 ? [html`<p>${none}</p>`] : [table];
  return { id: 'links', title: 'Links below capability', count: rows.length, parts };
}
