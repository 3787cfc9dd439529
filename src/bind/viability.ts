import { isPciAddress } from '../pci/address';
import { AttributeReader } from '../sys/readers/attributes';
import type { Sys, SysTree } from '../sys/sys';
import { shellWord } from '../text/shell';
import { isVfioDriver } from '../vfio/inspect/drivers';
import { type GroupMember, IOMMU_GROUPS, IommuGroups } from '../vfio/inspect/iommu-group';
import { firmwareRequirement, reservedRegions } from '../vfio/inspect/reserved-regions';
import { devicePath, isOnBus } from './bus';
import { withGroups } from './group';
import { claimProbe, type IsClaimed } from './in-use/storage';
import type { Use } from './in-use/use';
import { type BindPlan, driverAfter, plan } from './plan';
import { isBridge, readBinding } from './read';
import { bridgeUse, findObjections } from './safety';

/** The most objections that a remark names. */
const MAX_SHOWN = 5;

/** Returns remarks on groups that cannot be opened yet although functions of theirs are given to VFIO. */
export function viabilityNotes(sys: Sys, plans: readonly BindPlan[]): string[] {
  const after = new Map(plans.map((plan) => [plan.address, driverAfter(plan)]));
  const reader = new AttributeReader(sys);
  const groups = new IommuGroups(sys);
  const numbers = new Map<number, string>();
  for (const { address } of plans) {
    const group = reader.linkName(devicePath(sys, address, 'iommu_group'));
    if (group !== null && isVfioDriver(after.get(address) ?? null)) numbers.set(Number(group), address);
  }
  return [...numbers].flatMap(([number, address]) => {
    const blockers = groups.get(number).members.filter((member) => {
      const driver = after.get(member.name);
      return driver === undefined || driver === member.driver
        ? member.blocks
        : driver !== null && !isVfioDriver(driver);
    });
    const required = firmwareRequirement(reservedRegions(reader, number));
    if (required !== null) return [`group ${number} cannot be opened: ${required}`];
    if (blockers.length === 0) return [];
    const names = blockers.map(({ name, driver }) => `${name} (${after.get(name) ?? driver})`).join(', ');
    const advice = viabilityAdvice(sys, { address, driver: after.get(address) ?? '', group: number, blockers });
    return [`group ${number} is not viable yet: blocked by ${names}; ${advice}`];
  });
}

interface Blocked {
  /** A function that cannot be opened for its group's sake. */
  address: string;
  /** The VFIO driver that it has, or is given. */
  driver: string;
  group: number;
  blockers: readonly GroupMember[];
}

/** The way to make a group viable. */
export interface ViabilityRemedy {
  /** Commands that take members of other buses from their drivers, then the one that binds the functions. */
  commands: string[];
  /** Reasons why the last would be refused. */
  objections: Use[];
}

/** Finds the way to make a group viable. @param isClaimed as of {@link findObjections} */
export function viabilityRemedy(
  sys: SysTree,
  { address, driver, group, blockers }: Blocked,
  isClaimed?: IsClaimed,
): ViabilityRemedy {
  const others = blockers.filter(({ name }) => !isPciAddress(name));
  const functions = blockers.filter(({ name }) => isPciAddress(name));
  const commands = others.map((member) => unbindCommand(sys, group, member));
  if (functions.length === 0) return { commands, objections: [] };
  const plans = withGroups(sys, [address]).map((member) =>
    plan(member, readBinding(sys, member), { driver, override: driver }),
  );
  const bridges = functions.filter(({ name }) => isBridge(sys, name));
  const objections = [
    ...bridges.map(({ name }) => bridgeUse(name)),
    ...findObjections(sys, plans, { bridges: false, isClaimed }).uses,
  ];
  return { commands: [...commands, `udrv bind ${address} ${driver} --group`], objections };
}

/** Returns the commands that make a group viable; where `bind --group` would be refused, the reasons instead. */
export function viabilityAdvice(sys: Sys, blocked: Blocked): string {
  const { commands, objections } = viabilityRemedy(sys, blocked, claimProbe(sys));
  if (objections.length === 0) return commands.join('; ');
  const shown = objections.slice(0, MAX_SHOWN).map((use) => `${use.address}: ${use.what}`);
  const more = objections.length > MAX_SHOWN ? [`and ${objections.length - MAX_SHOWN} more`] : [];
  return [...commands.slice(0, -1), `bind --group would be refused: ${[...shown, ...more].join('; ')}`].join('; ');
}

/** Returns the command that takes a member of another bus from its driver; `unbind` needs one that has driver_override. */
function unbindCommand(sys: SysTree, group: number, { name, driver }: GroupMember): string {
  const dir = `${IOMMU_GROUPS}/${group}/devices/${name}`;
  if (sys.access(`${dir}/driver_override`) !== null && isOnBus(sys, name)) return `udrv unbind ${shellWord(name)}`;
  const bus = new AttributeReader(sys).linkName(`${dir}/subsystem`);
  const path = bus === null ? `${dir}/driver/unbind` : `/sys/bus/${bus}/drivers/${driver}/unbind`;
  return `echo ${shellWord(name)} | sudo tee ${shellWord(path)}`;
}
