import { findGroup, type GroupReport, listGroups } from '../../devices/iommu-groups';
import { type IommuTreeNode, readIommuTree } from '../../devices/iommu-tree';
import { usageError } from '../../errors';
import type { ReadError } from '../../sys/readers/attributes';
import { whyNoGroup } from '../../vfio/inspect/missing-group';
import { drawIommuTree } from '../devices/group-tree';
import { remarkErrors } from '../devices/list';
import { GROUP_LIST, type GroupRow, hasVfioMember } from '../lists/groups';
import { type ListView, listOptions } from '../lists/options';
import { arranged, chosenFields, listTable, noMatch } from '../lists/print';
import { visible } from '../output/escape';
import { isOnlyInspected } from '../output/hint';
import type { VerbSpec } from '../program/command';
import type { Context } from '../program/context';
import { argument, option } from '../program/options';
import { brokenLine } from '../tables/facts';

export const command: VerbSpec = {
  description: 'the IOMMU groups: members, what keeps one from being given to user space, who has it',
  arguments: [argument('[group...]', 'only this one, by its number or by a device in it', { type: 'pci' })],
  options: [
    option('-t, --tree', 'the PCI hierarchy, from root buses down to functions, with the group of each'),
    ...listOptions('viable=no && driver'),
  ],
  examples: ['vfio groups -t', 'vfio groups nvme0n1'],
  run: groups,
};

interface GroupsOptions extends ListView {
  tree?: boolean;
}

function groups(context: Context, selectors: string[], { tree, ...view }: GroupsOptions): undefined {
  if (tree && selectors.length > 0) throw usageError('--tree', 'shows all groups: name none');
  if (tree && (view.columns ?? view.sort ?? view.filter) !== undefined)
    throw usageError('--tree', 'has no columns to choose, and no rows to sort or to filter');
  if (tree) printTree(context);
  else printGroups(context, selectors, view);
}

function printTree(context: Context): void {
  const { roots, groups, holdersComplete, errors } = readIommuTree(context.sys, context.names);
  if (context.options.json) context.printJson({ schema: 'udrv.vfio.tree/1', roots, groups, holdersComplete });
  else if (roots.length > 0 || groups.length > 0) {
    context.page(`${drawIommuTree(context, { roots, groups })}${details(context, groups)}`);
  }
  if (groups.length === 0) noteNoGroups(context);
  remarkErrors(context, [...errors, ...roots.flatMap(errorsIn)]);
}

function errorsIn({ errors, children }: IommuTreeNode): ReadError[] {
  return [...errors, ...children.flatMap(errorsIn)];
}

function printGroups(context: Context, selectors: readonly string[], view: ListView): void {
  const isNamed = selectors.length > 0;
  const only = isNamed ? new Set(selectors.map((selector) => findGroup(context.sys, selector))) : undefined;
  const { groups, holdersComplete } = listGroups(context.sys, context.names, only);
  const isGrouped = context.stdout.isTTY === true;
  const all = groups.flatMap((group) => {
    const isWanted = isNamed || hasVfioMember(group);
    return group.devices.map((device): GroupRow => ({ group, device, isGrouped, isWanted }));
  });
  const rows = arranged(context, GROUP_LIST, all, view);
  // A group without a member has no row, and is in the document of all.
  const shown = rows === all ? groups : groupsIn(rows);
  if (context.options.json) {
    const chosen = chosenFields(GROUP_LIST, shown, view);
    context.printJson({ schema: 'udrv.groups/1', groups: chosen, holdersComplete });
    return;
  }
  if (groups.length === 0) {
    noteNoGroups(context);
    return;
  }
  if (rows.length === 0 && all.length > 0) context.note(noMatch(view));
  else context.page(`${listTable(context, GROUP_LIST, rows, view)}${details(context, shown)}`);
  if (holdersComplete) return;
  context.note(
    isOnlyInspected(context.options)
      ? 'the holders of groups are not known: processes are read on this machine alone'
      : 'processes of other users may hold groups too; root sees them',
  );
}

function noteNoGroups(context: Context): void {
  const { message, hint } = whyNoGroup(context.sys);
  context.note(`this machine has no IOMMU groups: ${message}; ${hint}`);
}

/** Returns the groups of rows, in the order of the rows, each with those of its members that are in them. */
function groupsIn(rows: readonly GroupRow[]): GroupReport[] {
  const groups = new Map<GroupReport, GroupReport>();
  for (const { group, device } of rows) {
    const found = groups.get(group);
    if (found === undefined) groups.set(group, { ...group, devices: [device] });
    else found.devices.push(device);
  }
  return [...groups.values()];
}

/** Returns the lines of `--verbose`: the addresses that are reserved, and the IOMMU. */
function details({ options, width }: Context, groups: readonly GroupReport[]): string {
  if (!options.verbose) return '';
  const lines = groups.map(({ group, noiommu, iommu, node, access, reservedRegions }) => {
    const reserved = reservedRegions.map(({ start, end, type }) => `${start}-${end} ${type}`).join(', ') || 'none';
    return `group ${group}: behind ${noiommu ? 'no IOMMU' : (iommu ?? 'an unknown IOMMU')}; node ${node ?? 'none'}${access === null ? '' : ` (${access})`}; reserved ${reserved}`;
  });
  return `\n${lines.map((line) => brokenLine(visible(line), width)).join('')}`;
}
