import { pciPath } from '../../pci/paths';
import { attempt } from '../../sys/attempt';
import type { SysTree } from '../../sys/sys';

/** The IOMMU that a device is behind. */
export interface IommuHardware {
  /** As in /sys/class/iommu: `dmar0`. */
  name: string;
  /** What the name says of its kind; null where it says nothing. */
  kind: string | null;
}

/** Names that the drivers give: intel_iommu_init(), amd_iommu_init_pci(), arm_smmu_device_probe()... */
const KINDS: [RegExp, string][] = [
  [/^dmar\d+$/, 'Intel VT-d'],
  [/^ivhd\d+$/, 'AMD-Vi'],
  [/^smmu3\./, 'Arm SMMUv3'],
  [/^smmu\./, 'Arm SMMU'],
  [/^riscv-iommu/, 'RISC-V IOMMU'],
];

/** @returns null where there is none, or the kernel does not tell */
export function iommuHardware(sys: SysTree, address: string): IommuHardware | null {
  const name = attempt(() => sys.readLink(pciPath(address, 'iommu')).split('/').at(-1) ?? '', null);
  if (name === null) return null;
  return { name, kind: KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? null };
}
