import { AttributeReader } from '../sys/readers/attributes';
import type { Sys, SysTree } from '../sys/sys';
import { shellWord } from '../text/shell';
import { namesInterrupt } from '../uio/device-tree';
import { mayComeIntoGroup } from '../vfio/inspect/missing-group';
import { busOf, devicePath } from './bus';
import { needsGroup } from './driver';
import { crashError, fixedDriverError } from './errors';
import { type BindPlan, driverAfter, plan } from './plan';
import { isInGroup, readBinding } from './read';
import { findObjections } from './safety';

/** The UIO driver that takes any device that the firmware describes (drivers/uio/uio_pdrv_genirq.c). */
const GENERIC = 'uio_pdrv_genirq';
/** A driver that reads platform data without looking whether there is any (drivers/uio/uio_dmem_genirq.c, its probe). */
const DMEM = 'uio_dmem_genirq';

const VFIO_PLATFORM = '/sys/module/vfio_platform';
/** Its parameter that can be set only when it is loaded, or by the command line (drivers/vfio/platform/vfio_platform.c). */
const RESET_REQUIRED = `${VFIO_PLATFORM}/parameters/reset_required`;

/**
 * Makes sure that the kernel lets the drivers of plans go, and take devices. Asked beforehand, as by then the device has
 * lost its driver.
 *
 * @throws UdrvError exit 9 for a driver that is fixed to its devices, exit 5 where the kernel would crash, unless forced
 */
export function mustBePossible(sys: Sys, plans: readonly BindPlan[], force: boolean): void {
  for (const plan of plans) {
    const { address, steps } = plan;
    for (const { path } of steps) {
      const [, dir = '', driver = '', file = ''] = /^(.*\/drivers\/([^/]+))\/(bind|unbind)$/.exec(path) ?? [];
      // Each driver has uevent, and with suppress_bind_attrs nothing else; a copy of a machine may lack all of them.
      if (file !== '' && sys.access(path) === null && sys.access(`${dir}/uevent`) !== null)
        throw fixedDriverError(address, driver, file);
    }
    if (!force && driverAfter(plan) === DMEM && plan.from.driver !== DMEM && isOfDeviceTree(sys, address))
      throw crashError(address, DMEM, GENERIC);
  }
}

/** Returns remarks on platform devices that are given to UIO and lack a part that programs expect. */
export function platformNotes(sys: SysTree, plans: readonly BindPlan[]): string[] {
  const reader = new AttributeReader(sys);
  return plans
    .filter((plan) => plan.steps.length > 0 && driverAfter(plan) === GENERIC && isOfDeviceTree(sys, plan.address))
    .flatMap(({ address }) => {
      const properties = reader.names(devicePath(sys, address, 'of_node'));
      // A recording of a node that has no more than what told its kind.
      if (!properties.includes('compatible')) return [];
      return [
        ...(namesInterrupt(properties)
          ? []
          : [`${address}: no interrupt in the device tree: its node answers EIO to a wait for one`]),
        ...(properties.includes('reg')
          ? []
          : [`${address}: no registers (reg) in the device tree: there is nothing to map`]),
      ];
    });
}

/** The commands that give a device to a driver for user space, or the reasons why they would be refused. */
export interface WayOnBus {
  driver: string;
  /** In order; none where the driver has it already. */
  commands: string[];
  /** `the network interface eth0 is up` */
  refusals: string[];
}

/** Finds the ways of a device to the drivers for user space that its bus has, from sysfs and procfs alone, as `bind` would. */
export function waysOnBus(sys: SysTree, address: string): WayOnBus[] {
  const reader = new AttributeReader(sys);
  const bus = busOf(sys, address);
  const from = readBinding(sys, address);
  const loaded = reader.names(bus.drivers);
  // A device that the firmware lists otherwise would be in its group already.
  const mayGetGroup = isOfDeviceTree(sys, address) && mayComeIntoGroup(reader);
  return bus.wellKnown
    .filter((driver) => driver !== DMEM && (driver !== GENERIC || isDescribed(sys, address)))
    .filter((driver) => !needsGroup(driver) || isInGroup(sys, address) || mayGetGroup)
    .map((driver) => {
      const wanted = plan(address, from, { driver, override: driver }, bus);
      const { uses } = findObjections(sys, [wanted], { bridges: true, isClaimed: undefined });
      const load = loaded.includes(driver) ? [] : [`sudo modprobe ${driver}`];
      const commands = from.driver === driver ? [] : [...load, `udrv bind ${shellWord(address)} ${driver}`];
      return { driver, commands: uses.length > 0 ? [] : commands, refusals: uses.map(({ what }) => what) };
    });
}

/** A reason for which a driver refused a device, and what helps. */
export interface PlatformRefusal {
  because: string;
  /** Whether no attempt can succeed on this device. */
  isFinal: boolean;
  hint: string;
}

/**
 * Tells why a driver of a bus other than PCI may have refused a device; null where nothing is known of it.
 *
 * @param message the driver's own words in the kernel's log; null without
 */
export function platformRefusal(
  sys: SysTree,
  address: string,
  driver: string,
  message: string | null,
): PlatformRefusal | null {
  switch (driver) {
    case GENERIC:
    case DMEM: {
      const isMissing = message === 'missing platform_data' || (message === null && !isDescribed(sys, address));
      if (!isMissing || isOfDeviceTree(sys, address)) return null;
      // Kernels differ in whether those of ACPI are taken: 6.12 takes them.
      const nodes = isDescribed(sys, address)
        ? 'this kernel wants a node of a device tree'
        : 'the firmware describes it nowhere';
      return {
        because: nodes,
        isFinal: true,
        hint: `${driver} takes such a device only where board code of the kernel gives it the data; a PCI function can have uio_pci_generic or vfio-pci`,
      };
    }
    case 'vfio-platform':
    case 'vfio-amba':
      return /No reset function/.test(message ?? '') || (message === null && isResetRequired(sys))
        ? {
            because: 'it has no reset function',
            isFinal: false,
            hint: `to do without, at the risk that it goes on with DMA after a program: ${withoutReset(sys)}`,
          }
        : null;
    case 'vfio-fsl-mc': {
      const container = containerOf(sys, address);
      return container === null
        ? null
        : {
            because: 'it is an object in a container',
            isFinal: false,
            hint: `VFIO takes a container with all that is in it: udrv bind ${container} vfio-fsl-mc`,
          };
    }
    default:
      return null;
  }
}

/** Returns the command that has vfio-platform do without a reset, or the words of a boot where it is part of the kernel. */
function withoutReset(sys: SysTree): string {
  // A module that was loaded has its state there; what is part of the kernel has its parameters alone.
  const isBuiltIn = sys.access(RESET_REQUIRED) !== null && sys.access(`${VFIO_PLATFORM}/initstate`) === null;
  return isBuiltIn
    ? 'boot with vfio_platform.reset_required=0'
    : 'sudo modprobe -r vfio-platform && sudo modprobe vfio-platform reset_required=0';
}

function isResetRequired(sys: SysTree): boolean {
  return new AttributeReader(sys).text(RESET_REQUIRED) === 'Y';
}

/** Tells whether a device tree or ACPI describes a device. */
function isDescribed(sys: SysTree, address: string): boolean {
  const reader = new AttributeReader(sys);
  return isOfDeviceTree(sys, address) || reader.linkName(devicePath(sys, address, 'firmware_node')) !== null;
}

function isOfDeviceTree(sys: SysTree, address: string): boolean {
  return new AttributeReader(sys).linkName(devicePath(sys, address, 'of_node')) !== null;
}

/** Returns the container (DPRC) of an object of NXP's Management Complex: Documentation/networking/device_drivers/ethernet/freescale/dpaa2. */
function containerOf(sys: SysTree, address: string): string | null {
  if (address.startsWith('dprc.')) return null;
  const path = new AttributeReader(sys).link(`${busOf(sys, address).devices}/${address}`)?.split('/') ?? [];
  return path.findLast((part) => /^dprc\.\d+$/.test(part)) ?? null;
}
