/** A piece of memory as a device is told of it. */
export interface DmaSegment {
  /** Address by which the device reaches it. */
  iova: bigint;
  /** In bytes. */
  length: number;
}

/** The limits of one entry of a device's list. */
export interface SegmentLimits {
  /** No segment crosses a multiple of it, in bytes, a power of two: 4096 for NVMe's PRPs, 65536 for many DMA engines. */
  boundary?: number | undefined;
  /** The longest segment in bytes. */
  maxLength?: number | undefined;
}

/** Returns a part of a buffer, by the address that the device has for it. @throws RangeError where it is not inside */
export function segmentOf({ iova, length }: DmaSegment, offset: number, size: number = length - offset): DmaSegment {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(size) || offset < 0 || size < 0 || offset + size > length)
    throw new RangeError(`${size} bytes from ${offset} are not inside of ${length}`);
  return { iova: iova + BigInt(offset), length: size };
}

/**
 * Makes the scatter list of a transfer: joins pieces that follow each other, and cuts them where the device's entries end.
 *
 * @param pieces in the order of the data; empty ones are left out
 * @throws RangeError where a limit is not positive, or the boundary no power of two
 */
export function scatterList(pieces: Iterable<DmaSegment>, { boundary, maxLength }: SegmentLimits = {}): DmaSegment[] {
  if (boundary !== undefined && !(boundary > 0 && Number.isInteger(Math.log2(boundary))))
    throw new RangeError(`${boundary} is no boundary: a power of two`);
  if (maxLength !== undefined && !(Number.isSafeInteger(maxLength) && maxLength > 0))
    throw new RangeError(`${maxLength} is no length of a segment`);
  const segments: DmaSegment[] = [];
  for (const { iova, length } of joined(pieces)) {
    let address = iova;
    let rest = length;
    while (rest > 0) {
      const toBoundary = boundary === undefined ? rest : boundary - Number(address & BigInt(boundary - 1));
      const size = Math.min(rest, toBoundary, maxLength ?? rest);
      segments.push({ iova: address, length: size });
      address += BigInt(size);
      rest -= size;
    }
  }
  return segments;
}

function joined(pieces: Iterable<DmaSegment>): DmaSegment[] {
  const whole: DmaSegment[] = [];
  for (const { iova, length } of pieces) {
    const last = whole.at(-1);
    if (last !== undefined && last.iova + BigInt(last.length) === iova) last.length += length;
    else if (length > 0) whole.push({ iova, length });
  }
  return whole;
}
