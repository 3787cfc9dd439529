/** Bytes for the descriptor parsers: real ones, mutated as broken firmware and malice would, and noise. */
import { BOS, DEVICES, HID_REPORT, MSOS20_SET } from './usb-fixtures';

export const SEEDS: readonly Buffer[] = [...Object.values(DEVICES), BOS, MSOS20_SET, HID_REPORT];

/** A generator of its own, so that a number names an input for ever: xorshift32. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Lengths, counts and types that break parsers. */
const NASTY = [0, 1, 2, 3, 4, 5, 9, 0x0f, 0x10, 0x21, 0x24, 0x25, 0x30, 0x7f, 0x80, 0xfe, 0xff];

/** The input of a number: always the same. */
export function inputOf(number: number): Buffer {
  const random = randomFrom(number + 1);
  const seed = SEEDS[random(SEEDS.length)] ?? Buffer.alloc(0);
  switch (random(8)) {
    case 0:
      return Buffer.from(Array.from({ length: random(400) }, () => random(256)));
    case 1:
      return Buffer.from(Array.from({ length: random(400) }, () => NASTY[random(NASTY.length)] ?? 0));
    case 2:
      return seed.subarray(0, random(seed.length + 1));
    case 3: {
      const other = SEEDS[random(SEEDS.length)] ?? seed;
      return Buffer.concat([seed.subarray(0, random(seed.length + 1)), other.subarray(random(other.length))]);
    }
    case 4:
      // The same many times over.
      return Buffer.concat(Array.from({ length: 1 + random(8) }, () => seed.subarray(random(seed.length))));
    default: {
      const bytes = Buffer.from(seed);
      for (let i = 1 + random(8); i > 0; i--)
        bytes[random(bytes.length)] = random(3) === 0 ? random(256) : (NASTY[random(NASTY.length)] ?? 0);
      return bytes;
    }
  }
}
