import { isPciAddress } from '../pci/address';
import { PCI_DRIVERS, pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { SysTree } from '../sys/sys';
import { isServedByVfio } from '../vfio/inspect/drivers';
import { IommuGroups } from '../vfio/inspect/iommu-group';
import { mayComeIntoGroup, whyNoGroup } from '../vfio/inspect/missing-group';
import { firmwareRequirement, reservedRegions } from '../vfio/inspect/reserved-regions';
import { NOIOMMU_MODE } from './group';
import type { Use } from './in-use/use';
import { plan } from './plan';
import { isBridge, readBinding } from './read';
import { findObjections } from './safety';
import { viabilityRemedy } from './viability';

/** The commands that give a function to VFIO so that it can be opened, or the reasons why they would be refused. */
export interface WayToVfio {
  /** In order; none where VFIO has it already, or nothing helps. */
  commands: string[];
  /** `it has 2 virtual functions, which would be removed with it`; that of another function begins with its address. */
  refusals: string[];
  /** The command that ends the first refusal; null where there is none. */
  remedy: string | null;
}

const DRIVER = 'vfio-pci';

/** Finds the way to VFIO from sysfs and procfs alone, as `bind` would: no node is opened. */
export function wayToVfio(sys: SysTree, address: string): WayToVfio {
  const reader = new AttributeReader(sys);
  const { driver } = readBinding(sys, address);
  if (isBridge(sys, address)) return refused(['a bridge stays with the kernel']);
  const number = reader.linkName(pciPath(address, 'iommu_group'));
  if (number === null && !mayComeIntoGroup(reader) && reader.text(NOIOMMU_MODE) !== 'Y')
    return refused([`no IOMMU group: ${whyNoGroup(sys).message}`]);
  const group = number === null ? null : new IommuGroups(sys).get(Number(number));
  const required = group === null ? null : firmwareRequirement(reservedRegions(reader, group.number));
  if (required !== null) return refused([required]);
  const blockers = group?.members.filter(({ name, blocks }) => blocks && name !== address) ?? [];
  const isServed = isServedByVfio(reader, pciPath(address), driver);
  if (isServed && blockers.length === 0) return { commands: [], refusals: [], remedy: null };
  const wanted = isServed && driver !== null ? driver : DRIVER;
  const own = { commands: [`udrv bind ${address} ${wanted}`], objections: objectionsTo(sys, address, wanted) };
  const remedy =
    group === null || blockers.length === 0
      ? own
      : viabilityRemedy(sys, { address, driver: wanted, group: group.number, blockers });
  if (remedy.objections.length > 0) return refused(remedy.objections.map(reason(address)), remedy.objections[0]?.hint);
  // Others in the way are of another bus alone: `bind` has to be told of this function all the same.
  const rest = isServed || blockers.some(({ name }) => isPciAddress(name)) || group === null ? [] : own.commands;
  const commands = remedy === own ? own.commands : [...remedy.commands, ...rest];
  const load = reader.names(PCI_DRIVERS).includes(wanted) ? [] : [`sudo modprobe ${wanted}`];
  return { commands: [...load, ...commands], refusals: [], remedy: null };
}

function refused(refusals: string[], remedy?: string): WayToVfio {
  return { commands: [], refusals, remedy: remedy ?? null };
}

function objectionsTo(sys: SysTree, address: string, driver: string): Use[] {
  const plans = [plan(address, readBinding(sys, address), { driver, override: driver })];
  return findObjections(sys, plans, { bridges: false, isClaimed: undefined }).uses;
}

const reason =
  (own: string) =>
  ({ address, what }: Use): string =>
    address === own ? what : `${address}: ${what}`;
