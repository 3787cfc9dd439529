/**
 * Cuts bytes into descriptors: each begins with its length and its type (USB 2.0, section 9.5).
 *
 * Two readers stand on this. `inspect/settings.ts` takes the few numbers that a listing shows, so that listing need not
 * load the layouts; `decode/` knows every field. The simulated kernel reads descriptors on its own
 * (`src/sim/usb/descriptors.ts`): with this code it would agree with its mistakes.
 */

export interface RawDescriptor {
  bDescriptorType: number;
  /** All bLength bytes of it. */
  bytes: Buffer;
}

/**
 * Splits at each bLength. Devices lie: a length below 2 or past the end stops it.
 *
 * @returns the descriptors, and the bytes from the first one that cannot be
 */
export function splitDescriptors(bytes: Buffer): { descriptors: RawDescriptor[]; rest: Buffer } {
  const descriptors: RawDescriptor[] = [];
  let offset = 0;
  while (offset + 2 <= bytes.length) {
    const bLength = bytes.readUInt8(offset);
    if (bLength < 2 || offset + bLength > bytes.length) break;
    descriptors.push({ bDescriptorType: bytes.readUInt8(offset + 1), bytes: bytes.subarray(offset, offset + bLength) });
    offset += bLength;
  }
  return { descriptors, rest: bytes.subarray(offset) };
}
