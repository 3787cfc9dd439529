import { capHeader } from './vfio';

/** A link of a capability chain: the whole struct, from its header on, as far as the buffer goes. */
export interface InfoCapability {
  id: number;
  version: number;
  bytes: Buffer;
}

/**
 * Walks a chain of capabilities as VFIO appends them to a struct (vfio_info_cap_header). Nothing in it is trusted: a
 * link that leads outside, or back to one that was seen, ends the chain.
 *
 * @param info the struct with all that came behind it; offsets in the chain count from its start
 * @param first the offset of the first link; 0: there is none
 */
export function* capabilities(info: Buffer, first: number): Generator<InfoCapability> {
  const seen = new Set<number>();
  for (let at = first; at !== 0 && at + capHeader.size <= info.length && !seen.has(at); ) {
    seen.add(at);
    const bytes = info.subarray(at);
    yield { id: bytes.readUInt16LE(capHeader.id), version: bytes.readUInt16LE(capHeader.version), bytes };
    at = bytes.readUInt32LE(capHeader.next);
  }
}

/**
 * Reads the pairs of u64 behind a capability's count: sparse areas, ranges of IOVA. No more of them than there is room
 * for, whatever the count says.
 */
export function pairs({ bytes }: InfoCapability, countAt: number, start: number): [bigint, bigint][] {
  const PAIR = 16;
  if (bytes.length < start) return [];
  const count = Math.min(bytes.readUInt32LE(countAt), Math.floor((bytes.length - start) / PAIR));
  return Array.from({ length: count }, (_, i) => [
    bytes.readBigUInt64LE(start + i * PAIR),
    bytes.readBigUInt64LE(start + i * PAIR + 8),
  ]);
}
