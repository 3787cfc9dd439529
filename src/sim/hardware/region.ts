import type { Width, Word } from '../../sys/sys';

/**
 * Registers or memory as the bus sees them. One call is one access; `offset` is a multiple of `width` where the bus
 * has no others (memory), and any number where it has (I/O ports). Words are those of the mapping's (sys/sys.ts).
 */
export interface SimRegion {
  read(offset: number, width: Width): Word;
  write(offset: number, width: Width, value: Word): void;
}

/** Returns a word of all ones, as a bus gives where nothing answers. */
export function ones(width: Width): Word {
  return toWord(-1n, width);
}

/** Returns the lowest bytes of a value, as the type that a word of this width has. */
export function toWord(value: Word, width: Width): Word {
  if (typeof value === 'number' && width === 4) return value >>> 0;
  const bits = BigInt.asUintN(8 * width, BigInt(value));
  return width === 8 ? bits : Number(bits);
}

/** A region in which nothing answers: reads give all ones, writes are lost. */
export const unassigned: SimRegion = { read: (_offset, width) => ones(width), write: () => {} };

/** Makes a view of a region that begins at `start`. */
export function from(region: SimRegion, start: number): SimRegion {
  if (start === 0) return region;
  return {
    read: (offset, width) => region.read(start + offset, width),
    write: (offset, width, value) => region.write(start + offset, width, value),
  };
}

/** Makes a region of `size` bytes that is chosen anew for each access; around it nothing answers. */
export function bounded(size: number, choose: () => SimRegion): SimRegion {
  const at = (offset: number, width: Width) => (offset < 0 || offset + width > size ? unassigned : choose());
  return {
    read: (offset, width) => at(offset, width).read(offset, width),
    write: (offset, width, value) => at(offset, width).write(offset, width, value),
  };
}

/** Makes the region of a device that takes single bytes only: wider accesses are split, lowest byte first. */
export function bytewise(
  readByte: (offset: number) => number,
  writeByte: (offset: number, value: number) => void,
): SimRegion {
  return {
    read(offset, width) {
      let value = 0n;
      for (let i = 0; i < width; i++) value |= BigInt(readByte(offset + i)) << BigInt(8 * i);
      return toWord(value, width);
    },
    write(offset, width, value) {
      for (let i = 0; i < width; i++) writeByte(offset + i, Number((BigInt(value) >> BigInt(8 * i)) & 0xffn));
    },
  };
}

/** Makes a region of plain memory. */
export function ram(bytes: Uint8Array): SimRegion {
  return bytewise(
    (offset) => bytes[offset] ?? 0xff,
    (offset, value) => {
      if (offset < bytes.length) bytes[offset] = value;
    },
  );
}
