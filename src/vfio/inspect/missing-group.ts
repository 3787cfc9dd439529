import { AttributeReader } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';

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
  if (tables.length > 0)
    return {
      message: `the kernel has the IOMMU off, which the firmware describes (${tables.join(', ')})`,
      hint: 'boot with intel_iommu=on, or without amd_iommu=off or iommu=off; dmesg | grep -i -e dmar -e amd-vi',
    };
  return {
    message: 'the firmware describes no IOMMU',
    hint: 'switch on VT-d, AMD-Vi or SMMU in the firmware; a virtual machine needs a virtual IOMMU',
  };
}
