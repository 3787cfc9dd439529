import type { WayToVfio } from '../../bind/way-to-vfio';
import type { KernelDevice, PciAttributes, Sriov, VfioAttributes } from '../../model/device';
import type { PciDetails, PciLink } from '../../pci/function-details';
import type { VfioCandidate } from '../../vfio/inspect/candidate';
import type { VfioDetails } from '../../vfio/inspect/details';
import { namesOf } from '../../vfio/inspect/holders';
import type { ReservedRegion } from '../../vfio/inspect/reserved-regions';
import { completeHint, isOnlyInspected, type MachineOptions, nameMachine } from '../output/hint';
import type { Fact } from '../tables/facts';
import type { Cell } from '../tables/row';

/** Virtual functions that a line names at most. */
const MAX_SHOWN = 8;

/** Returns the facts of a function that is bound to VFIO. */
export function vfioFacts(vfio: VfioAttributes & Partial<VfioDetails>): Fact[] {
  const { group, cdev, viable, blockers, groupDevices, noiommu, reservedRegions = [], holders = [] } = vfio;
  return [
    ['group', group === null ? 'none: is the IOMMU on?' : `${group}: ${groupDevices.join(', ')}`],
    ['viable', viable === null ? null : viableCell(viable, blockers)],
    ['held by', holders.length === 0 ? null : namesOf(holders)],
    ['cdev', cdev],
    ['iommu', noiommu ? 'none: the device can reach all memory of this machine' : iommuText(vfio)],
    ['reserved', reservedText(reservedRegions)],
  ];
}

function viableCell(viable: boolean, blockers: readonly string[]): Cell {
  return viable
    ? { text: 'yes', meaning: 'good' }
    : { text: `no: blocked by ${blockers.join(', ')}`, meaning: 'warning' };
}

function iommuText({ iommu, iommuKind }: { iommu?: string | null; iommuKind?: string | null }): string | null {
  return iommu ? `${iommu}${iommuKind ? ` (${iommuKind})` : ''}` : null;
}

function reservedText(regions: readonly ReservedRegion[]): string | null {
  return regions.map(({ start, end, type }) => `${start}-${end} ${type}`).join(', ') || null;
}

/** Returns the facts of PCI itself. */
export function pciFacts(pci: PciAttributes & Partial<PciDetails>): Fact[] {
  const { slot, irq, modules = [], link = null, resetMethods = null, sriov, kernelDevices = [] } = pci;
  return [
    ...kernelDeviceFacts(kernelDevices),
    ['class', pci.class === null ? null : `${pci.className ?? 'unknown'} (${pci.class})`],
    ['revision', pci.revision],
    ['subsystem', pci.subsystem],
    ['iommu group', pci.iommuGroup === null ? null : String(pci.iommuGroup)],
    ['driver override', pci.driverOverride],
    ['numa node', pci.numaNode === null ? null : String(pci.numaNode)],
    ['slot', slot ?? null],
    ['irq', irq === undefined || irq === null ? null : String(irq)],
    ['kernel modules', modules.join(', ') || null],
    ['link', link === null ? null : linkText(link)],
    ['power', powerText(pci)],
    ['reset', resetMethods === null ? null : resetMethods.join(', ') || 'none: every method is switched off'],
    ...sriovFacts(sriov ?? null),
  ];
}

function kernelDeviceFacts(devices: readonly KernelDevice[]): Fact[] {
  const named = (kind: KernelDevice['kind']) =>
    devices
      .filter((device) => device.kind === kind)
      .map(kernelDeviceText)
      .join(', ') || null;
  return [
    ['interfaces', named('net')],
    ['disks', named('block')],
  ];
}

/** Returns a name with its use, as dpdk-devbind marks it: `eth0 *active*`. */
export function kernelDeviceText({ name, state }: KernelDevice): string {
  return state === null ? name : `${name} *${state}*`;
}

/** `2.5 GT/s x1`, and the most where that is more: `2.5 GT/s x1 (of 8.0 GT/s x4)`. */
export function linkText({ speed, width, maxSpeed, maxWidth }: PciLink): string {
  const now = `${speed} x${width}`;
  const most = `${maxSpeed ?? speed} x${maxWidth ?? width}`;
  return most === now ? now : `${now} (of ${most})`;
}

export function powerText({ powerState, runtimeStatus }: Partial<PciDetails>): string | null {
  if (powerState === undefined || powerState === null) return null;
  const isWorthTelling = runtimeStatus != null && runtimeStatus !== 'active' && runtimeStatus !== 'unsupported';
  return isWorthTelling ? `${powerState} (${runtimeStatus})` : powerState;
}

function sriovFacts(sriov: Sriov | null): Fact[] {
  if (sriov === null) return [];
  const { physicalFunction, totalVfs, virtualFunctions } = sriov;
  const shown = [...virtualFunctions.slice(0, MAX_SHOWN), ...(virtualFunctions.length > MAX_SHOWN ? ['...'] : [])];
  const names = shown.length === 0 ? '' : `: ${shown.join(', ')}`;
  return [
    ['virtual function', physicalFunction === null ? null : `of ${physicalFunction}`],
    ['virtual functions', totalVfs === null ? null : `${virtualFunctions.length} of ${totalVfs}${names}`],
  ];
}

interface MaybeCandidate {
  address: string;
  candidate?: VfioCandidate;
}

/** Returns the facts of the IOMMU group of a function that VFIO does not have, and its mediated devices. */
export function candidateFacts({ address, candidate }: MaybeCandidate): Fact[] {
  if (candidate === undefined) return [];
  const { group, mdev } = candidate;
  const members = group.members.map(({ name, driver }) => (driver === null ? name : `${name} (${driver})`));
  const others = group.members.filter(({ name, blocks }) => blocks && name !== address);
  return [
    ['iommu', iommuText(candidate)],
    ['reserved', reservedText(group.reservedRegions)],
    ['group members', members.length > 1 ? members.join(', ') : null],
    ['must go too', others.map(({ name, driver }) => `${name} (${driver})`).join(', ') || null],
    ['mdev types', mdev?.types.map(({ name, available }) => `${name} (${available ?? '?'} left)`).join(', ') ?? null],
    ['mdev instances', mdev?.instances.join(', ') || null],
  ];
}

/** Returns the commands that give a function to VFIO, or the reasons why they would be refused. */
export function wayFacts({ wayToVfio }: { wayToVfio?: WayToVfio }, machine: MachineOptions): Fact[] {
  if (wayToVfio === undefined) return [];
  const { commands, refusals, remedy } = wayToVfio;
  if (refusals.length > 0) {
    const end = isOnlyInspected(machine) || machine.sim || remedy === null ? [] : [remedy];
    return [['not for vfio', [...refusals, ...end].join('; ')]];
  }
  return [['for vfio', commands.length === 0 ? null : completedCommands(commands, machine)]];
}

/** Completes commands for the machine. A recorded one can only be asked, and others are typed on the machine itself. */
export function completedCommands(commands: readonly string[], machine: MachineOptions): string {
  const line = commands.join(' && ');
  if (machine.sim) return nameMachine(line, machine);
  if (!isOnlyInspected(machine)) return completeHint(line, machine, process.geteuid?.() === 0) ?? line;
  const isUdrv = commands.every((command) => command.startsWith('udrv '));
  return isUdrv ? `${nameMachine(line, machine)} --dry-run` : `${line} (on that machine)`;
}
