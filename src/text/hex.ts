/** Returns a number as `0x1f`, with at least so many digits. */
export function hex(value: number | bigint, digits = 1): string {
  return `0x${hexDigits(value, digits)}`;
}

/** Returns a number's hex digits without `0x`, at least so many: `001f`. */
export function hexDigits(value: number | bigint, digits = 1): string {
  return value.toString(16).padStart(digits, '0');
}

/** Returns the bytes of hex digits, also with blanks or colons between them, or with 0x in front; null for other text. */
export function hexBytes(text: string): Buffer | null {
  const digits = text.replace(/^0x/i, '').replace(/[\s:]+/g, '');
  return /^([0-9a-f]{2})*$/i.test(digits) ? Buffer.from(digits, 'hex') : null;
}
