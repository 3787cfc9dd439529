import { shellWord } from '../../text/shell';
import { PLATFORM_DEVICES } from '../../uio/platform';
import { IommuGroups } from '../../vfio/inspect/iommu-group';
import { mayComeIntoGroup, whyNoGroup } from '../../vfio/inspect/missing-group';
import { type Check, command, type Finding, type PlatformSubject } from '../check';
import { type Evidence, parameterPath } from '../evidence';
import { kernelHasModule } from '../kernel-module';
import { USE_IDS, usesOf } from '../uses';

const DRIVERS = '/sys/bus/platform/drivers';
const DRIVER = 'vfio-platform';

/** A platform device that shall be opened through VFIO. */
export const platformDevice: Check<PlatformSubject> = {
  ids: [
    ...USE_IDS,
    'platform-no-group',
    'vfio-platform-not-loaded',
    'vfio-platform-missing',
    'platform-driver-bound',
    'platform-no-driver',
    'group-not-viable',
  ],
  about: 'platform device',
  *run({ tree, device: { address } }) {
    const dir = `${PLATFORM_DEVICES}/${address}`;
    const driver = tree.linked(`${dir}/driver`);
    const group = tree.linked(`${dir}/iommu_group`);
    if (group === null && !mayComeIntoGroup(tree)) {
      yield withoutGroup(tree, dir);
      return;
    }
    if (driver !== DRIVER && !tree.has(DRIVERS, DRIVER)) yield withoutModule(tree);
    if (driver !== DRIVER) yield* withoutDriver(tree, address, driver);
    if (group !== null) yield* blockedGroup(tree, address, Number(group));
  },
};

function withoutGroup(tree: Evidence, dir: string): Finding {
  return {
    id: 'platform-no-group',
    severity: 'blocks',
    seen: [{ path: `${dir}/iommu_group`, value: 'not there' }],
    means: `The device is in no IOMMU group: ${whyNoGroup(tree.sys).message}.`,
    prevents: `VFIO: ${DRIVER} does not take a device without an IOMMU`,
    mend: [],
    proof: 'udrv list --type platform',
  };
}

function withoutModule(tree: Evidence): Finding {
  const isBuilt = kernelHasModule(tree, DRIVER) !== false;
  return {
    id: isBuilt ? 'vfio-platform-not-loaded' : 'vfio-platform-missing',
    severity: 'blocks',
    seen: [{ path: `${DRIVERS}/${DRIVER}`, value: 'not there' }],
    means: isBuilt
      ? `The module ${DRIVER} is not loaded.`
      : `This kernel has no module ${DRIVER}: it was built without CONFIG_VFIO_PLATFORM, as all for x86 are.`,
    prevents: 'VFIO: no platform device can be bound to it',
    mend: isBuilt ? [command(`sudo modprobe ${DRIVER}`)] : [],
    proof: `ls -d ${DRIVERS}/${DRIVER}`,
  };
}

function* withoutDriver(tree: Evidence, address: string, driver: string | null): Generator<Finding> {
  const uses = driver === null ? null : usesOf(tree, address);
  yield* uses?.findings ?? [];
  // The kernel asks for a function that resets the device, unless it was told to do without.
  const reset = parameterPath('vfio_platform', 'reset_required');
  const needsReset = tree.text(reset) === 'Y' ? [{ path: reset, value: 'Y' }] : [];
  yield {
    id: driver === null ? 'platform-no-driver' : 'platform-driver-bound',
    severity: 'blocks',
    seen: [{ path: `${PLATFORM_DEVICES}/${address}/driver`, value: driver ?? 'not there' }, ...needsReset],
    means: driver === null ? 'No driver has the device.' : `The kernel's driver ${driver} has the device.`,
    prevents: 'VFIO: the device is not bound to a VFIO driver',
    mend: uses?.isVital ? [] : [command(`udrv bind ${shellWord(address)} ${DRIVER}`)],
    proof: `udrv list --type platform ${shellWord(address)}`,
  };
}

function* blockedGroup(tree: Evidence, address: string, group: number): Generator<Finding> {
  const blockers = new IommuGroups(tree.sys).get(group).members.filter((one) => one.blocks && one.name !== address);
  if (blockers.length === 0) return;
  // Loaded where it is needed: planning a bind takes much that a healthy group does without.
  const { viabilityRemedy } = require('../../bind/viability') as typeof import('../../bind/viability');
  const { commands, objections } = viabilityRemedy(tree.sys, { address, driver: DRIVER, group, blockers });
  yield {
    id: 'group-not-viable',
    severity: 'blocks',
    seen: blockers.map(({ name, driver }) => ({
      path: `/sys/kernel/iommu_groups/${group}/devices/${name}/driver`,
      value: driver ?? '',
    })),
    means: `Group ${group} is given to a program whole, and the kernel's drivers have members of it: ${blockers.map(({ name, driver }) => `${name} (${driver})`).join(', ')}.`,
    prevents: 'opening the device through VFIO: the kernel answers EPERM',
    mend: objections.length === 0 ? [command(commands.join(' && '))] : [],
    proof: `udrv vfio groups ${group}`,
  };
}
