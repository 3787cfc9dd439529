import type { Sys } from '../sys/sys';
import type { OpenVfio } from './device';
import { DmaPool, READ_WRITE } from './dma-buffer';

/** Measuring blocks the event loop: for so long at most, but for one mapping. */
const SERVE_SIGNALS_NS = 20_000_000n;

/** The next after the smallest that IOMMUs have, with pages of 4 KiB. */
const LARGE_PAGE = 2 ** 21;

/** Each in microseconds. */
export interface MapLatencies {
  /** In bytes, whole pages. */
  size: number;
  map: number[];
  unmap: number[];
}

export interface MapLatencyOptions {
  /** In bytes; rounded up to whole pages. */
  size: number;
  count: number;
  /** Gets what was measured, also where `signal` aborted, unless that is nothing. */
  onResult: (latencies: MapLatencies) => void;
  signal?: AbortSignal | undefined;
}

/** Measures mapping and unmapping memory that is there already: without touching it first, its faulting in would be measured. */
export async function measureMappings(
  sys: Sys,
  device: OpenVfio,
  { size, count, onResult, signal }: MapLatencyOptions,
): Promise<void> {
  using pool = new DmaPool(sys, device.iommu, device.info.address);
  // Where the IOMMU has large pages, the address must not keep it from them.
  const buffer = pool.allocate(size, size >= LARGE_PAGE ? BigInt(LARGE_PAGE) : undefined);
  for (let offset = 0; offset < buffer.length; offset += sys.pageSize) buffer.bytes[offset] = 1;
  const latencies: MapLatencies = { size: buffer.length, map: [], unmap: [] };
  // Of Node's clocks the one that costs least to read: its cost is in each figure.
  const now = process.hrtime.bigint;
  let served = now();
  while (latencies.map.length < count && !signal?.aborted) {
    const start = now();
    buffer.map(READ_WRITE);
    const mapped = now();
    buffer.unmap();
    const end = now();
    latencies.map.push(Number(mapped - start) / 1000);
    latencies.unmap.push(Number(end - mapped) / 1000);
    if (end - served > SERVE_SIGNALS_NS) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      served = now();
    }
  }
  if (latencies.map.length > 0) onResult(latencies);
}
