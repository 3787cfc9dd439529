/** VFIO: PCI functions behind an IOMMU, through a group and its container or through a cdev and iommufd. */

export type { IommufdObject } from '../uapi/iommufd';
export { VFIO_DEVICE_FEATURES, VFIO_DEVICE_FLAGS, VFIO_PCI_IRQS } from '../uapi/vfio';
export type { VfioBackend } from './device/backend';
export {
  VfioDevice,
  type VfioFeature,
  type VfioFlag,
  type VfioInterrupt,
  type VfioLatencyOptions,
  type VfioOpenOptions,
  type VfioWatchOptions,
} from './device/device';
export type { HotResetDevice } from './device/hot-reset';
export { IrqEventfds, type IrqHost, type IrqOptions, type VectorEvent, type Vectors } from './device/irq-eventfds';
export type { Irq, IrqInfo, IrqName } from './device/irq-set';
export type { Area, VfioRegion } from './device/region-info';
export { type DmaBuffer, type DmaMemoryOptions, DmaPool, type DmaSpace, READ_WRITE } from './dma/buffer';
export { type DmaFault, parseFaults } from './dma/faults';
export type { DmaAccess, DmaMapping, Iommu, IommuInfo, IovaRange } from './dma/iommu';
export { IovaAllocator } from './dma/iova';
export { type MapLatencies, type MapLatencyOptions, type MapTarget, measureMappings } from './dma/map-latency';
export {
  chooseTier,
  DMA_TIERS,
  type DmaTestOptions,
  type DmaTestReport,
  dmaDeviceOf,
  runDmaTest,
} from './dma-test/run';
export type {
  Check,
  CheckResult,
  Completion,
  Copy,
  DmaDevice,
  DmaDriver,
  DmaPort,
  DmaTier,
  Finding,
  Verdict,
} from './dma-test/tier';
export { type VfioDetails, vfioDetails } from './inspect/details';
export type { ReservedRegion } from './inspect/reserved-regions';
