/** Returns a number as `0x1f`, with at least so many digits. */
export function hex(value: number | bigint, digits = 1): string {
  return `0x${hexDigits(value, digits)}`;
}

/** Returns a number's hex digits without `0x`, at least so many: `001f`. */
export function hexDigits(value: number | bigint, digits = 1): string {
  return value.toString(16).padStart(digits, '0');
}
