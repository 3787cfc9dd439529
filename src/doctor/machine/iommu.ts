import { PCI_DEVICES, pciPath } from '../../pci/paths';
import { IOMMU_GROUPS, IommuGroups } from '../../vfio/inspect/iommu-group';
import { ACPI_TABLES, iommuTables, whyNoGroup } from '../../vfio/inspect/missing-group';
import { isVirtualMachine } from '../../vfio/inspect/virtual-machine';
import { bootWith, bootWithout, type Check, command, type Finding, firmware, type Mend, type Seen } from '../check';
import { type Evidence, parameterPath } from '../evidence';
import { functionOf } from '../function-of';

const QEMU =
  'in the hypervisor, give the virtual machine an IOMMU: QEMU has -device intel-iommu,intremap=on with -machine q35,kernel-irqchip=split';
const SLOT = 'put the card into a slot whose function is listed in /sys/class/iommu/*/devices';
const FIRMWARE = 'switch VT-d, AMD-Vi (IOMMU) or SMMU on in the firmware setup';

/** No IOMMU group: of the function, or of any on the machine. */
export const iommu: Check = {
  ids: [
    'iommu-off-in-kernel',
    'iommu-off-in-firmware',
    'iommu-missing-in-vm',
    'iommu-driver-missing',
    'iommu-not-covering',
    'iommu-missing',
    'no-isolation',
  ],
  about: 'IOMMU',
  *run({ tree, device }) {
    const address = functionOf(device);
    if (address === null) {
      // The functions tell: a copy of a machine may lack the list of groups.
      const functions = tree.list(PCI_DEVICES);
      const isInGroup = (name: string) => tree.linked(pciPath(name, 'iommu_group')) !== null;
      if (functions.length === 0 || functions.some(isInGroup)) return;
    } else {
      const number = tree.linked(pciPath(address, 'iommu_group'));
      if (number !== null) {
        if (new IommuGroups(tree.sys).get(Number(number)).noiommu) yield noIsolation(tree, address);
        return;
      }
    }
    const withoutIommu = tree.text(parameterPath('vfio', 'enable_unsafe_noiommu_mode')) === 'Y';
    const missing = missingIommu(tree, address);
    if (withoutIommu) yield noIsolation(tree, address);
    else yield missing;
  },
};

function noIsolation(tree: Evidence, address: string | null): Finding {
  const { mend, proof } = missingIommu(tree, address);
  const path = parameterPath('vfio', 'enable_unsafe_noiommu_mode');
  return {
    id: 'no-isolation',
    severity: 'limits',
    seen: [{ path, value: tree.text(path) ?? 'unknown' }],
    means:
      'No IOMMU isolates the device: VFIO runs without one. The device reaches all memory, and only root may open it.',
    prevents: 'mapping memory for DMA, and iommufd',
    mend,
    proof,
  };
}

function missingIommu(tree: Evidence, address: string | null): Finding {
  const { cause, message } = whyNoGroup(tree.sys);
  const place = address === null ? IOMMU_GROUPS : pciPath(address, 'iommu_group');
  const make = (id: string, seen: Seen[], mend: Mend[]): Finding => ({
    id,
    severity: 'blocks',
    seen: [{ path: place, value: address === null ? 'no groups' : 'not there' }, ...seen],
    means: `${address === null ? 'No device is in an IOMMU group' : 'The device is in no IOMMU group'}: ${message}.`,
    prevents: 'VFIO: vfio-pci does not take a device without an IOMMU',
    mend,
    proof: 'udrv vfio groups',
  });
  // A copy of a machine that has nothing of its firmware does not tell what that lacks.
  if (!hasFirmware(tree) && (cause === 'none-in-firmware' || cause === 'off-in-kernel'))
    return {
      ...make('iommu-missing', [], [firmware(FIRMWARE), bootWith('intel_iommu=on')]),
      means: 'There is no IOMMU group: the IOMMU is off in the firmware or in the kernel.',
    };
  switch (cause) {
    case 'off-in-kernel':
      return make('iommu-off-in-kernel', [tables(tree), commandLine(tree)], switchOn(tree));
    case 'none-in-firmware':
      return make('iommu-off-in-firmware', [tables(tree)], [firmware(FIRMWARE)]);
    case 'none-in-virtual-machine':
      return make('iommu-missing-in-vm', [virtual(tree)], [firmware(QEMU)]);
    case 'no-driver':
      return make('iommu-driver-missing', [tables(tree)], [command('sudo modprobe virtio_iommu')]);
    case 'not-covered':
      return notCovered(tree, address, make('iommu-not-covering', [covered(tree)], [firmware(SLOT)]));
  }
  return cause satisfies never;
}

/**
 * Weakens the verdict on a function without a driver: kernels before 6.15 put one behind an IOMMU of the device tree into
 * a group only when a driver takes it.
 */
function notCovered(tree: Evidence, address: string | null, found: Finding): Finding {
  if (address === null || tree.linked(pciPath(address, 'driver')) !== null) return found;
  const means = `${found.means} Some kernels put it into a group only when a driver takes it.`;
  return { ...found, severity: 'limits', means, mend: [command(`udrv bind ${address} vfio-pci`), ...found.mend] };
}

const hasFirmware = (tree: Evidence): boolean => tree.names('/sys/firmware').length > 0 || isVirtualMachine(tree);

function tables(tree: Evidence): Seen {
  return { path: ACPI_TABLES, value: iommuTables(tree).join(' ') || 'no table of an IOMMU' };
}

function commandLine(tree: Evidence): Seen {
  const words = (tree.text('/proc/cmdline') ?? '').split(/\s+/).filter((word) => /iommu|intremap/.test(word));
  return { path: '/proc/cmdline', value: words.join(' ') || 'nothing about an IOMMU' };
}

function virtual(tree: Evidence): Seen {
  const maker = tree.text('/sys/class/dmi/id/sys_vendor');
  return maker === null
    ? { path: '/proc/cpuinfo', value: 'hypervisor' }
    : { path: '/sys/class/dmi/id/sys_vendor', value: maker };
}

function covered(tree: Evidence): Seen {
  return { path: '/sys/class/iommu', value: tree.names('/sys/class/iommu').sort().join(' ') };
}

/** Finds the kernel arguments: what switches the IOMMU off goes, and Intel's is off by default in some kernels. */
function switchOn(tree: Evidence): Mend[] {
  const words = (tree.text('/proc/cmdline') ?? '').split(/\s+/);
  const off = words.filter((word) => /^(?:iommu|intel_iommu|amd_iommu)=(?:.*,)?off\b/.test(word));
  const isIntel = iommuTables(tree).includes('DMAR');
  return [...off.map(bootWithout), ...(isIntel ? [bootWith('intel_iommu=on')] : [])];
}
