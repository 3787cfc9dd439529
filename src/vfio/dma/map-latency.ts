import { Samples } from '../../model/samples';
import { SERVE_SIGNALS_NS, serveSignals } from '../../sys/wait';
import { type DmaBuffer, type DmaPool, READ_WRITE } from './buffer';

/** In bytes: the next page size of IOMMUs after 4 KiB. */
const LARGE_PAGE = 2 ** 21;
/** The smallest page of any machine. */
const LEAST_PAGE = 4096;

/** Measurements between two turns of the event loop. */
const BATCH = 1000;

/** Reads of the clock that show its least cost, once V8 has compiled them. */
const CLOCK_READS = 20_000;

/** Latencies in microseconds, without the cost of reading the clock. */
export interface MapLatencies {
  /** In bytes, whole pages. */
  size: number;
  /** Mapping and then unmapping, measured by itself: a clock read between the two would be in it. */
  both: Samples;
  map: Samples;
  unmap: Samples;
}

export interface MapLatencyOptions {
  /** In bytes; rounded up to whole pages. */
  size: number;
  count: number;
  /** Gets the measurements, also where `signal` aborted, unless there are none. */
  onResult: (latencies: MapLatencies) => void;
  /** Runs between two batches of measurements, where signals are served. */
  onServed?: ((done: number) => unknown) | undefined;
  signal?: AbortSignal | undefined;
}

/** An opened device, as far as its mappings go. */
export interface MapTarget {
  pool(): DmaPool;
}

/** Measures mapping and unmapping memory that is touched beforehand: its page faults would be measured too. */
export async function measureMappings(
  device: MapTarget,
  { size, count, onResult, onServed, signal }: MapLatencyOptions,
): Promise<void> {
  using pool = device.pool();
  // The alignment lets an IOMMU with large pages use them.
  const buffer = pool.allocate(size, size >= LARGE_PAGE ? { alignment: BigInt(LARGE_PAGE) } : {});
  for (let offset = 0; offset < buffer.length; offset += LEAST_PAGE) buffer.bytes[offset] = 1;
  const latencies: MapLatencies = {
    size: buffer.length,
    both: new Samples(),
    map: new Samples(),
    unmap: new Samples(),
  };
  const clock = clockCost();
  while (latencies.both.count < count && !signal?.aborted) {
    const both = measureBoth(buffer, Math.min(count - latencies.both.count, BATCH), clock);
    const [map, unmap] = measureEach(buffer, both.length, clock);
    latencies.both.addAll(both);
    latencies.map.addAll(map);
    latencies.unmap.addAll(unmap);
    await serveSignals();
    await onServed?.(latencies.both.count);
  }
  if (latencies.both.count > 0) onResult(latencies);
}

/**
 * Measures nothing, and returns the least that it took, in microseconds: the way back from one reading of the clock and
 * the way to the next. It is a tenth of a mapping on fast machines.
 */
function clockCost(): number {
  const now = process.hrtime.bigint;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < CLOCK_READS; i++) {
    const start = now();
    const end = now();
    least = Math.min(least, Number(end - start) / 1000);
  }
  return least;
}

// Nothing else is in the loops: code that runs between two ioctls takes the caches from them. For the same reason each
// loop has its measurement to itself. Of Node's clocks, hrtime.bigint costs least to read.

/** Measures mapping with unmapping. Ends early where signals wait long. @param clock its cost, in microseconds */
function measureBoth(buffer: DmaBuffer, count: number, clock: number): Float64Array {
  const both = new Float64Array(count);
  const now = process.hrtime.bigint;
  const end = now() + SERVE_SIGNALS_NS;
  for (let done = 0; done < count; done++) {
    const start = now();
    buffer.map(READ_WRITE);
    buffer.unmap();
    const unmapped = now();
    both[done] = Number(unmapped - start) / 1000 - clock;
    if (unmapped > end) return both.subarray(0, done + 1);
  }
  return both;
}

function measureEach(buffer: DmaBuffer, count: number, clock: number): [map: Float64Array, unmap: Float64Array] {
  const map = new Float64Array(count);
  const unmap = new Float64Array(count);
  const now = process.hrtime.bigint;
  for (let done = 0; done < count; done++) {
    const start = now();
    buffer.map(READ_WRITE);
    const mapped = now();
    buffer.unmap();
    const unmapped = now();
    map[done] = Number(mapped - start) / 1000 - clock;
    unmap[done] = Number(unmapped - mapped) / 1000 - clock;
  }
  return [map, unmap];
}
