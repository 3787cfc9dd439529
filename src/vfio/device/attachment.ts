import type { Iommu } from '../dma/iommu';

/** A device that was opened, with what its DMA goes through. */
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
