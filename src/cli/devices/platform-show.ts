import { adviceOnBus, inspectOnBus } from '../../bind/bus';
import { waysOnBus } from '../../bind/platform';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { namesInterrupt } from '../../uio/device-tree';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import type { BusDeviceInDepth } from '../documents/devices';
import type { Style } from '../output/style';
import type { Context } from '../program/context';
import { type Fact, factTable, titleLine } from '../tables/facts';
import { completedCommands } from './pci-facts';

/** Finds what there is to know of a device of another bus than PCI. */
export function inspectOnBusInDepth(sys: SysTree, address: string): BusDeviceInDepth {
  const device = inspectOnBus(sys, address);
  const { bus, iommuGroup } = device.platform;
  const node = `/sys/bus/${bus}/devices/${address}/of_node`;
  const reader = new AttributeReader(sys);
  const properties = reader.names(node);
  const compatible = reader.bytes(`${node}/compatible`)?.toString('latin1').split('\0');
  const members = iommuGroup === null ? [] : new IommuGroups(sys).get(iommuGroup).devices;
  return {
    ...device,
    platform: {
      ...device.platform,
      compatible: compatible?.filter((one) => one !== '') ?? null,
      hasInterrupt: compatible === undefined ? null : namesInterrupt(properties),
      groupMembers: members.filter((name) => name !== address),
      ways: waysOnBus(sys, address),
      advice: adviceOnBus(sys, address),
    },
  };
}

/** Describes it for a person. */
export function describeOnBus(
  device: BusDeviceInDepth,
  { options, style, width }: { options: Context['options']; style: Style; width: number | undefined },
): string {
  const { address, driver, platform } = device;
  const { bus, driverOverride, modalias, compatible, hasInterrupt, iommuGroup, groupMembers, ways, advice } = platform;
  const layout = { style, width, wrap: true };
  const facts: Fact[] = [
    ['driver', driver ?? 'none'],
    ['override', driverOverride],
    ['compatible', compatible === null ? null : compatible.join(', ')],
    ['modalias', modalias],
    ['interrupt', hasInterrupt === null ? null : hasInterrupt ? 'in the device tree' : 'none in the device tree'],
    ['group', iommuGroup === null ? 'none' : [iommuGroup, ...groupMembers.map((name) => `with ${name}`)].join(' ')],
    ...ways.map(({ driver: to, commands, refusals }): Fact => {
      if (refusals.length > 0) return [`not for ${to}`, refusals.join('; ')];
      return [`for ${to}`, commands.length === 0 ? null : completedCommands(commands, options)];
    }),
    ['user space', advice],
  ];
  return [titleLine([address, bus], layout), factTable(facts, layout)].join('');
}
