import { type GroupReport, listGroups } from '../../devices/iommu-groups';
import { type IommuTreeNode, readIommuTree } from '../../devices/iommu-tree';
import type { ReadError } from '../../sys/readers/attributes';
import { whyNoGroup } from '../../vfio/inspect/missing-group';
import { firmwareRequirement } from '../../vfio/inspect/reserved-regions';
import { drawIommuTree } from '../devices/group-tree';
import { remarkErrors } from '../devices/list';
import { visible } from '../output/escape';
import { columns } from '../output/table';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { option } from '../program/options';

export const command: VerbSpec = {
  description: 'the IOMMU groups: members, what keeps one from being given to user space, who has it',
  options: [option('-t, --tree', 'the PCI hierarchy, from root buses down to functions, with the group of each')],
  examples: ['vfio groups', 'vfio groups -t'],
  run: groups,
};

function groups(context: Context, { tree = false }: { tree?: boolean }): undefined {
  if (tree) printTree(context);
  else printTable(context);
}

function printTree(context: Context): void {
  const { roots, groups, holdersComplete, errors } = readIommuTree(context.sys, context.names);
  if (context.options.json) context.printJson({ schema: 'udrv.vfio.tree/1', roots, groups, holdersComplete });
  else if (roots.length > 0 || groups.length > 0) {
    context.stdout.write(drawIommuTree(context, { roots, groups }));
    if (context.options.verbose) context.stdout.write(details(groups));
  }
  if (groups.length === 0) noteNoGroups(context);
  remarkErrors(context, [...errors, ...roots.flatMap(errorsIn)]);
}

function errorsIn({ errors, children }: IommuTreeNode): ReadError[] {
  return [...errors, ...children.flatMap(errorsIn)];
}

function printTable(context: Context): void {
  const { groups, holdersComplete } = listGroups(context.sys, context.names);
  if (context.options.json) {
    context.printJson({ schema: 'udrv.groups/1', groups, holdersComplete });
    return;
  }
  if (groups.length === 0) {
    noteNoGroups(context);
    return;
  }
  const rows = groups.flatMap((group) => rowsOf(group));
  context.stdout.write(
    columns(
      rows.map((row) => row.map(visible)),
      { titles: TITLES, style: context.style },
    ),
  );
  if (context.options.verbose) context.stdout.write(details(groups));
  if (holdersComplete) return;
  const { snapshot, sysroot } = context.options;
  context.note(
    snapshot === undefined && sysroot === undefined
      ? 'processes of other users may hold groups too; root sees them'
      : 'the holders of groups are not known: a copy of a machine has no processes',
  );
}

function noteNoGroups(context: Context): void {
  const { message, hint } = whyNoGroup(context.sys);
  context.note(`this machine has no IOMMU groups: ${message}; ${hint}`);
}

const TITLES = ['GROUP', 'TYPE', 'VIABLE', 'OWNER', 'DEVICE', 'ID', 'DRIVER', 'NAME'];

function rowsOf(group: GroupReport): string[][] {
  const owners = [...new Set(group.holders.map(({ pid, command }) => `${command}(${pid})`))];
  // Until somebody opens the group, the drivers of its members own it.
  const owner = owners.join(' ') || (group.viable === false ? 'kernel' : '-');
  const type = group.noiommu ? 'no IOMMU' : (group.type ?? '-');
  const required = firmwareRequirement(group.reservedRegions);
  const viable = required !== null || group.viable === false ? 'NO' : group.viable === null ? '-' : 'yes';
  const head = [String(group.group), type, viable, owner];
  return group.devices.map((device, i) => [
    ...(i === 0 ? head : ['', '', '', '']),
    device.address,
    device.vendorId === null ? '-' : `${device.vendorId}:${device.deviceId}`,
    device.driver ?? '-',
    [
      device.name,
      ...(device.blocks ? ['<- blocks the group'] : []),
      ...(required !== null && i === 0 ? ['<- the firmware needs the group (RMRR)'] : []),
    ].join('  '),
  ]);
}

/** Returns the lines of `--verbose`: the addresses that are reserved, and the IOMMU. */
function details(groups: readonly GroupReport[]): string {
  const lines = groups.map(({ group, noiommu, iommu, node, access, reservedRegions }) => {
    const reserved = reservedRegions.map(({ start, end, type }) => `${start}-${end} ${type}`).join(', ') || 'none';
    return `group ${group}: behind ${noiommu ? 'no IOMMU' : (iommu ?? 'an unknown IOMMU')}; node ${node ?? 'none'}${access === null ? '' : ` (${access})`}; reserved ${reserved}`;
  });
  return `\n${lines.map((line) => `${visible(line)}\n`).join('')}`;
}
