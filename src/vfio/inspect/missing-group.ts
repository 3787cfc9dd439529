import { PCI_DEVICES, pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { isVirtualMachine } from './virtual-machine';

/** ACPI's descriptions of IOMMUs: Intel's, AMD's, Arm's, and the one for virtual machines. */
const IOMMU_TABLES = new Set(['DMAR', 'IVRS', 'IORT', 'VIOT']);

/**
 * Tells whether a function in no IOMMU group may come into one when VFIO's driver takes it. Where a device tree describes
 * the IOMMU, kernels before 6.15 make the group when a driver probes the device (of_iommu_configure(), arm-smmu-v3).
 */
export function mayComeIntoGroup(reader: AttributeReader): boolean {
  return reader.names('/sys/class/iommu').length > 0;
}

/** The reason why a function is in no IOMMU group. */
export interface MissingGroup {
  cause: 'not-covered' | 'no-driver' | 'off-in-kernel' | 'none-in-virtual-machine' | 'none-in-firmware';
  message: string;
  hint: string;
}

/** Finds out why a function is in no IOMMU group, as far as sysfs tells: off in the firmware, or off in the kernel. */
export function whyNoGroup(sys: SysTree): MissingGroup {
  const reader = new AttributeReader(sys);
  if (mayComeIntoGroup(reader))
    return {
      cause: 'not-covered',
      message: 'the IOMMU of this machine does not cover it',
      hint: 'another slot may be covered: ls /sys/class/iommu/*/devices',
    };
  const tables = iommuTables(reader);
  if (tables.includes('VIOT') || virtioIommus(reader).length > 0)
    return {
      cause: 'no-driver',
      message: "the driver of the virtual machine's virtio-iommu is not loaded",
      hint: 'sudo modprobe virtio_iommu',
    };
  if (tables.length > 0)
    return {
      cause: 'off-in-kernel',
      message: `the kernel has the IOMMU off, which the firmware describes (${tables.join(', ')})`,
      hint: `${switchOn(tables, isVirtualMachine(reader))}; sudo dmesg | grep -i ${IOMMU_WORDS}`,
    };
  if (isVirtualMachine(reader))
    return {
      cause: 'none-in-virtual-machine',
      message: 'this virtual machine has no IOMMU',
      hint: `give it one, as QEMU does with -device intel-iommu,intremap=on -machine q35,kernel-irqchip=split; ${WITHOUT}`,
    };
  return {
    cause: 'none-in-firmware',
    message: 'the firmware describes no IOMMU',
    hint: `switch on VT-d, AMD-Vi or SMMU in the firmware; ${WITHOUT}`,
  };
}

/** Returns what switches on an IOMMU that the firmware describes. IORT is there without an SMMU, too: it describes interrupts. */
function switchOn(tables: readonly string[], isVirtual: boolean): string {
  if (tables.includes('DMAR')) return 'boot with intel_iommu=on, and without iommu=off';
  if (tables.includes('IVRS')) return 'boot without amd_iommu=off or iommu=off';
  const machine = isVirtual
    ? '; the virtual machine may have none: QEMU makes one with -machine virt,iommu=smmuv3'
    : '';
  return `an SMMU takes a driver that is part of the kernel (CONFIG_ARM_SMMU_V3, CONFIG_ARM_SMMU)${machine}`;
}

/** Directory of the tables that the firmware gives. */
export const ACPI_TABLES = '/sys/firmware/acpi/tables';

/** Returns the names of the firmware's tables that describe an IOMMU. */
export function iommuTables(reader: AttributeReader): string[] {
  return reader.names(ACPI_TABLES).filter((name) => IOMMU_TABLES.has(name));
}

/** The words of IOMMU drivers in the kernel log, for grep: Intel's, AMD's, Arm's and virtio's. */
export const IOMMU_WORDS = '-e iommu -e dmar -e amd-vi -e smmu';

const WITHOUT =
  'to go without, as root and at the risk that the device reaches all memory: echo Y | sudo tee /sys/module/vfio/parameters/enable_unsafe_noiommu_mode';

/** Returns the PCI functions that are a virtio-iommu: device 23 of virtio 1.0, whose ids begin at 0x1040. */
function virtioIommus(reader: AttributeReader): string[] {
  return reader
    .names(PCI_DEVICES)
    .filter(
      (address) =>
        reader.hex(pciPath(address, 'vendor'), 4) === '1af4' && reader.hex(pciPath(address, 'device'), 4) === '1057',
    );
}
