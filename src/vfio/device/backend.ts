import type { Iommu } from '../dma/iommu';

/** The way in: the group and its container, or the cdev and iommufd. `auto` takes the second where it is there. */
export type VfioBackend = 'auto' | 'group' | 'iommufd';

/** An opened device, with the address space of its DMA. */
export interface Attachment {
  readonly backend: 'group' | 'iommufd';
  /** The device's descriptor. */
  readonly fd: number;
  readonly iommu: Iommu;
  /** Takes the device off its address space, so that it reaches nothing; returns what puts it back. A group cannot. */
  readonly detach?: () => () => void;
  /** Gives all of it back. Nothing may be mapped from the device any more. */
  close(): void;
}
