import type { IommuTree, IommuTreeNode, TreeGroup } from '../../devices/iommu-tree';
import { isPciAddress } from '../../pci/address';
import { isVfioDriver } from '../../vfio/inspect/drivers';
import { firmwareRequirement } from '../../vfio/inspect/reserved-regions';
import { hasVfioMember } from '../lists/groups';
import { visible } from '../output/escape';
import { drawTrees, type TreeNode } from '../output/tree';
import type { Context } from '../program/context';
import type { Cell } from '../tables/row';

/** The columns of {@link iommuTreeNodes}. */
export const IOMMU_TREE_COLUMNS = [
  { title: 'DEVICE' },
  { title: 'GROUP', need: 3 },
  { title: 'VIABLE', need: 4 },
  { title: 'DRIVER', need: 1 },
  { title: 'NOTE', need: 2 },
  { title: 'NAME', least: 12 },
];

/** Draws the PCI hierarchy with the IOMMU group of each function, then the groups that have members on other buses. */
export function drawIommuTree({ style, unicode, width }: Context, tree: Pick<IommuTree, 'roots' | 'groups'>): string {
  return drawTrees(iommuTreeNodes(tree), { columns: IOMMU_TREE_COLUMNS, style, unicode, width });
}

/** Returns the lines of the tree, for whatever draws them. */
export function iommuTreeNodes({ roots, groups }: Pick<IommuTree, 'roots' | 'groups'>): TreeNode[] {
  const byNumber = new Map(groups.map((group) => [group.group, group]));
  const others = groups.filter(({ devices }) => devices.some(({ address }) => !isPciAddress(address)));
  return [...roots.map(nodeOf), ...others.map(groupNode)];

  function nodeOf(node: IommuTreeNode): TreeNode {
    const { address, kind, group, children } = node;
    const cells: TreeNode['cells'] =
      kind === 'bus'
        ? [{ text: address, meaning: 'heading' }, '', '', '', '', 'PCI root bus']
        : [address, ...groupCells(group), driverCell(node), noteCell(node), nameCell(node)];
    return { cells, children: children.map(nodeOf) };
  }

  function groupNode(group: TreeGroup): TreeNode {
    const members = group.devices.filter(({ address }) => !isPciAddress(address));
    return {
      cells: [
        { text: `group ${group.group}`, meaning: 'heading' },
        ...groupCells(group.group),
        '',
        '',
        'members that are not PCI functions',
      ],
      children: members.map((member) => ({
        cells: [
          visible(member.address),
          ...groupCells(group.group),
          driverCell(member),
          noteCell({ ...member, group: group.group }),
          nameCell(member),
        ],
        children: [],
      })),
    };
  }

  function groupCells(number: number | null): Cell[] {
    const group = number === null ? undefined : byNumber.get(number);
    const text = number === null ? '-' : `${number}${group?.split ? ' split' : ''}`;
    if (group === undefined) return [{ text }, { text: '-' }];
    const { viable } = group;
    if (viable === false || isNeededByFirmware(group))
      return [{ text }, hasVfioMember(group) ? { text: 'NO', meaning: 'bad' } : { text: 'no' }];
    return [{ text }, viable === null ? { text: '-' } : { text: 'yes', meaning: 'good' }];
  }

  function driverCell({ driver }: { driver: string | null }): Cell {
    const isVfio = driver !== null && isVfioDriver(driver);
    return { text: visible(driver ?? '-'), meaning: isVfio ? 'good' : undefined };
  }

  /** Notes why a function keeps its group from user space, or that it is a bridge, which never does. */
  function noteCell(member: { kind?: IommuTreeNode['kind']; group: number | null; blocks: boolean }): Cell {
    const group = member.group === null ? undefined : byNumber.get(member.group);
    const obstacles = [
      ...(member.blocks && group !== undefined && hasVfioMember(group) ? ['blocks'] : []),
      ...(group !== undefined && isNeededByFirmware(group) ? ['RMRR'] : []),
    ];
    if (obstacles.length > 0) return { text: obstacles.join(', '), meaning: 'warning' };
    return { text: member.kind === 'bridge' ? 'bridge' : '' };
  }
}

function isNeededByFirmware({ reservedRegions }: TreeGroup): boolean {
  return firmwareRequirement(reservedRegions) !== null;
}

/** A device that has no name of its own is in its first column already. */
function nameCell({ address, name }: { address: string; name: string }): string {
  return name === address ? '' : visible(name);
}
