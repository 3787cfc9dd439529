/** The largest first. */
const UNITS = ['E', 'P', 'T', 'G', 'M', 'K'].map((letter, index) => ({ letter, bytes: 1n << BigInt(60 - 10 * index) }));

/** Returns a whole number of bytes as `1M`, `4K` or `256`: in units of 1024 where that is exact. */
export function sizeText(bytes: number | bigint): string {
  const size = BigInt(bytes);
  const unit = UNITS.find((one) => size >= one.bytes && size % one.bytes === 0n);
  return unit === undefined ? String(size) : `${size / unit.bytes}${unit.letter}`;
}
