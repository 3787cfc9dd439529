/** UIO: devices behind `/dev/uioX`. Their registers are mapped, and a read of the node waits for an interrupt. */
export { UioDevice, type UioLatencyOptions, type UioOpenOptions, type UioWatchOptions } from './device';
export type { RearmMode } from './rearm';
export {
  findUDmaBuf,
  listUDmaBufs,
  type SyncDirection,
  UDmaBuf,
  type UDmaBufInfo,
  type UDmaBufOptions,
} from './u-dma-buf';
