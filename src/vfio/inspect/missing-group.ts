import { PCI_DEVICES, pciPath } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { isVirtualMachine } from './virtual-machine';

/** ACPI's descriptions of IOMMUs: Intel's, AMD's, Arm's, and the one for virtual machines. */
const ACPI_TABLES = new Set(['DMAR', 'IVRS', 'IORT', 'VIOT']);

/**
 * Tells whether a function in no IOMMU group may come into one when VFIO's driver takes it. Where a device tree describes
 * the IOMMU, kernels before 6.15 make the group when a driver probes the device (of_iommu_configure(), arm-smmu-v3).
 */
export function mayComeIntoGroup(reader: AttributeReader): boolean {
  return reader.names('/sys/class/iommu').length > 0;
}

/** Finds out why a function is in no IOMMU group, as far as sysfs tells: off in the firmware, or off in the kernel. */
export function whyNoGroup(sys: SysTree): { message: string; hint: string } {
  const reader = new AttributeReader(sys);
  if (mayComeIntoGroup(reader))
    return {
      message: 'the IOMMU of this machine does not cover it',
      hint: 'another slot may be covered: ls /sys/class/iommu/*/devices',
    };
  const tables = reader.names('/sys/firmware/acpi/tables').filter((name) => ACPI_TABLES.has(name));
  if (tables.includes('VIOT') || virtioIommus(reader).length > 0)
    return {
      message: "the driver of the virtual machine's virtio-iommu is not loaded",
      hint: 'sudo modprobe virtio_iommu',
    };
  if (tables.length > 0)
    return {
      message: `the kernel has the IOMMU off, which the firmware describes (${tables.join(', ')})`,
      hint: `boot with intel_iommu=on, or without amd_iommu=off or iommu=off; ${IOMMU_LOG}`,
    };
  if (isVirtualMachine(reader))
    return {
      message: 'this virtual machine has no IOMMU',
      hint: `give it one, as QEMU does with -device intel-iommu,intremap=on -machine q35,kernel-irqchip=split; ${WITHOUT}`,
    };
  return {
    message: 'the firmware describes no IOMMU',
    hint: `switch on VT-d, AMD-Vi or SMMU in the firmware; ${WITHOUT}`,
  };
}

/** The words of IOMMU drivers in the kernel log: Intel's, AMD's, Arm's and virtio's. */
export const IOMMU_LOG = 'sudo dmesg | grep -i -e iommu -e dmar -e amd-vi -e smmu';

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
