import { isPciAddress } from '../../pci/address';
import { pciPath } from '../../pci/paths';
import { isServedByVfio } from '../../vfio/inspect/drivers';
import { IOMMU_GROUPS, IommuGroups } from '../../vfio/inspect/iommu-group';
import { type Check, command, type FunctionSubject, type Mend } from '../check';
import { Undecided } from '../evidence';
import { mendOf } from '../uses';
import { portsWithoutAcs } from './acs';

/** Members that a message names at most. */
const MAX_SHOWN = 5;

/** Other members of the IOMMU group that the kernel's drivers have: the group is given away whole or not at all. */
export const group: Check<FunctionSubject> = {
  ids: ['group-not-viable'],
  about: 'group',
  *run(subject) {
    const { tree, device } = subject;
    const { address, driver } = device;
    const number = device.pci.iommuGroup;
    if (number === null) return;
    const { members, viable } = new IommuGroups(tree.sys).get(number);
    const blockers = members.filter((member) => member.blocks && member.name !== address);
    if (blockers.length === 0) {
      if (viable === null) throw new Undecided(`${IOMMU_GROUPS}/${number}/devices: members could not be read`);
      return;
    }
    const own = driver !== null && isServedByVfio(tree, pciPath(address), driver) ? driver : 'vfio-pci';
    // Loaded where it is needed: planning a bind takes much that a healthy group does without.
    const { viabilityRemedy } = require('../../bind/viability') as typeof import('../../bind/viability');
    const { commands, objections } = viabilityRemedy(tree.sys, { address, driver: own, group: number, blockers });
    // Those of the device itself are findings of their own.
    const others = objections.filter((use) => use.address !== address);
    const more = blockers.length > MAX_SHOWN ? ` and ${blockers.length - MAX_SHOWN} more` : '';
    const names = blockers.slice(0, MAX_SHOWN).map((member) => `${member.name} (${member.driver})`);
    // To remove the virtual functions of a physical one would remove the device itself.
    const isOneOfThem = others.some(
      (use) => use.kind === 'virtual functions' && tree.linkName(pciPath(address, 'physfn')) === use.address,
    );
    const reasons = others.map((use) => `${use.address}: ${use.what}`);
    const ports = portsWithoutAcs(subject);
    const lumped =
      ports.length === 0 ? '' : ` They are in one group because ${ports.join(', ')} above the device has no ACS.`;
    yield {
      id: 'group-not-viable',
      severity: 'blocks',
      seen: blockers.map((member) => ({
        path: isPciAddress(member.name)
          ? pciPath(member.name, 'driver')
          : `${IOMMU_GROUPS}/${number}/devices/${member.name}/driver`,
        value: member.driver ?? '',
      })),
      means: `Group ${number} is given to a program whole, and the kernel's drivers have members of it: ${names.join(', ')}${more}.${reasons.length === 0 ? '' : ` They are in use: ${reasons.slice(0, MAX_SHOWN).join('; ')}.`}${lumped}`,
      prevents: 'opening the device through VFIO: the kernel answers EPERM',
      mend:
        others.length === 0 ? [command(commands.join(' && '))] : release(commands, isOneOfThem ? [] : mendOf(others)),
      proof: `udrv vfio info ${address}`,
    };
  },
};

/** Joins the line that ends the uses of members with those that take them from their drivers. */
function release(commands: readonly string[], ends: readonly Mend[]): Mend[] {
  const elsewhere: Mend = {
    kind: 'firmware',
    text: 'put the card into another slot, where it has a group of its own: udrv vfio groups -t shows the ports',
  };
  return [...ends.map(({ text }) => command([text, ...commands].join(' && '))), elsewhere];
}
