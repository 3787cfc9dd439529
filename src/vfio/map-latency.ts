import type { Sys } from '../sys/sys';
import { SERVE_SIGNALS_NS, serveSignals } from '../sys/wait';
import type { OpenVfio } from './device';
import { type DmaBuffer, DmaPool, READ_WRITE } from './dma-buffer';

/** The next after the smallest that IOMMUs have, with pages of 4 KiB. */
const LARGE_PAGE = 2 ** 21;

/** As many as are measured between two looks at what else there is to do. */
const BATCH = 1000;

/** Each in microseconds. */
export interface MapLatencies {
  /** In bytes, whole pages. */
  size: number;
  /** Mapping and then unmapping, measured by itself: a clock read between the two would be in it. */
  both: number[];
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
  const latencies: MapLatencies = { size: buffer.length, both: [], map: [], unmap: [] };
  while (latencies.both.length < count && !signal?.aborted) {
    const both = measureBoth(buffer, Math.min(count - latencies.both.length, BATCH));
    const [map, unmap] = measureEach(buffer, both.length);
    latencies.both.push(...both);
    latencies.map.push(...map);
    latencies.unmap.push(...unmap);
    await serveSignals();
  }
  if (latencies.both.length > 0) onResult(latencies);
}

// With nothing else in the loops: what runs between two ioctls takes the caches from them. Each loop has what it measures
// to itself for the same reason. Of Node's clocks, hrtime.bigint costs least to read: its cost is in each figure.

/** Mapping with unmapping. Ends early where signals wait long. */
function measureBoth(buffer: DmaBuffer, count: number): Float64Array {
  const both = new Float64Array(count);
  const now = process.hrtime.bigint;
  const end = now() + SERVE_SIGNALS_NS;
  for (let done = 0; done < count; done++) {
    const start = now();
    buffer.map(READ_WRITE);
    buffer.unmap();
    const unmapped = now();
    both[done] = Number(unmapped - start) / 1000;
    if (unmapped > end) return both.subarray(0, done + 1);
  }
  return both;
}

function measureEach(buffer: DmaBuffer, count: number): [map: Float64Array, unmap: Float64Array] {
  const map = new Float64Array(count);
  const unmap = new Float64Array(count);
  const now = process.hrtime.bigint;
  for (let done = 0; done < count; done++) {
    const start = now();
    buffer.map(READ_WRITE);
    const mapped = now();
    buffer.unmap();
    const unmapped = now();
    map[done] = Number(mapped - start) / 1000;
    unmap[done] = Number(unmapped - mapped) / 1000;
  }
  return [map, unmap];
}
