import { pciPath } from '../../pci/paths';
import { attempt } from '../../sys/attempt';
import type { SysTree } from '../../sys/sys';

/** The IOMMU in front of a device. */
export interface IommuHardware {
  /** Name in /sys/class/iommu: `dmar0`. */
  name: string;
  /** Kind that the name tells, `Intel VT-d`; null if it tells none. */
  kind: string | null;
}

/** Names by driver: intel_iommu_init(), amd_iommu_init_pci(), arm_smmu_device_probe()... */
const KINDS: [RegExp, string][] = [
  [/^dmar\d+$/, 'Intel VT-d'],
  [/^ivhd\d+$/, 'AMD-Vi'],
  [/^smmu3\./, 'Arm SMMUv3'],
  [/^smmu\./, 'Arm SMMU'],
  [/^riscv-iommu/, 'RISC-V IOMMU'],
  // The name of the virtio device on its bus (viommu_probe()).
  [/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$|virtio[_-]mmio/, 'virtio-iommu'],
];

/** Finds the IOMMU of a PCI function; null if it has none, or the kernel does not report it. */
export function iommuHardware(sys: SysTree, address: string): IommuHardware | null {
  const name = attempt(() => sys.readLink(pciPath(address, 'iommu')).split('/').at(-1) ?? '', null);
  if (name === null) return null;
  return { name, kind: KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? null };
}
