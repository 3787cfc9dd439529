/** UIO: devices behind `/dev/uioX`. Their registers are mapped, and a read of the node waits for an interrupt. */
export { UioDevice, type UioLatencyOptions, type UioWatchOptions } from './device';
export type { RearmMode } from './rearm';
