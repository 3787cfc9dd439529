import { Exit, UdrvError, usageError } from '../errors';
import type { Width, Word } from '../sys/sys';
import { hex } from '../text/hex';
import { didYouMean } from '../text/nearest';
import type { Region } from './device';

/** A framework's access to an opened region: one call, one access. Bounds and alignment are checked by the caller. */
export interface RegisterSpace {
  read(offset: number, width: Width): Word;
  write(offset: number, width: Width, value: Word): void;
  /** {@link write} to one register, where that can be made ready beforehand. */
  writer?(offset: number, width: Width): (value: Word) => void;
  /**
   * Reads consecutive registers, each by one access as {@link read} does, in fewer calls of the kernel. Their bytes, in
   * little-endian order, go to the start of the buffer, whose length is a multiple of the width.
   *
   * @returns the bytes that were read; at least one register, or it throws
   */
  readMany?(offset: number, width: Width, buffer: Buffer): number;
  close(): void;
}

/** Reads a register's value in little-endian order, which PCI has. */
export function getWordLE(buffer: Buffer, at: number, width: Width): Word {
  switch (width) {
    case 1:
      return buffer.readUInt8(at);
    case 2:
      return buffer.readUInt16LE(at);
    case 4:
      return buffer.readUInt32LE(at);
    case 8:
      return buffer.readBigUInt64LE(at);
  }
}

/** Writes a register's value in little-endian order. @param word fits the width */
export function putWordLE(buffer: Buffer, at: number, width: Width, word: Word): void {
  if (width === 8) buffer.writeBigUInt64LE(BigInt(word), at);
  else buffer.writeUIntLE(Number(word), at, width);
}

/** Returns a value with its bytes in the other order. */
export function swapBytes(word: Word, width: Width): Word {
  const bytes = Buffer.alloc(width);
  putWordLE(bytes, 0, width, word);
  return getWordLE(bytes.reverse(), 0, width);
}

function swappedSpace(space: RegisterSpace): RegisterSpace {
  const { readMany } = space;
  return {
    read: (offset, width) => swapBytes(space.read(offset, width), width),
    write: (offset, width, value) => space.write(offset, width, swapBytes(value, width)),
    ...(readMany && {
      readMany: (offset: number, width: Width, buffer: Buffer) => {
        const length = readMany.call(space, offset, width, buffer);
        for (let at = 0; at < length; at += width) buffer.subarray(at, at + width).reverse();
        return length;
      },
    }),
    close() {},
  };
}

/** The bytes that {@link Registers.words} reads with one {@link RegisterSpace.readMany}. */
const BATCH = 4096;

/** Part of a region, in bytes. */
export interface Range {
  offset: number;
  length: number;
}

/** Returns a register's value with all its digits: `0x` and two per byte. */
export const hexWord = (value: Word, width: Width): string => hex(value, 2 * width);

/**
 * A region of an opened device. Each call touches the register once, with the given width, and nothing else; a
 * request that is out of bounds or misaligned throws a usage error and leaves the device untouched.
 */
export class Registers {
  readonly device: string;
  readonly info: Region;
  readonly #openSpace: () => RegisterSpace;
  #space: RegisterSpace | undefined;

  /** @param openSpace gains access to the region; called once, before the first access */
  constructor(device: string, info: Region, openSpace: () => RegisterSpace) {
    this.device = device;
    this.info = info;
    this.#openSpace = openSpace;
  }

  read(offset: number, width: Width): Word {
    return this.reader(offset, width)();
  }

  write(offset: number, width: Width, value: Word): void {
    checkValue(this.device, this.info, width, value);
    this.writer(offset, width)(value);
  }

  /** A read of one register with everything checked beforehand, for loops that must not do it each time. */
  reader(offset: number, width: Width): () => Word {
    checkRange(this.device, this.info, { offset, length: width }, width);
    const space = this.#opened();
    return () => space.read(offset, width);
  }

  /** Prepares writes to one register. All is checked beforehand but the value, which the caller has checked. */
  writer(offset: number, width: Width): (value: Word) => void {
    checkRange(this.device, this.info, { offset, length: width }, width);
    const space = this.#opened();
    return space.writer?.(offset, width) ?? ((value) => space.write(offset, width, value));
  }

  /** Reads the registers of a range in ascending order, each once; some before they are asked for. */
  *words(range: Range, width: Width): Generator<Word> {
    checkRange(this.device, this.info, range, width);
    const space = this.#opened();
    const end = range.offset + range.length;
    if (space.readMany === undefined) {
      for (let offset = range.offset; offset < end; offset += width) yield space.read(offset, width);
      return;
    }
    const batch = Buffer.alloc(Math.min(BATCH, range.length));
    for (let offset = range.offset; offset < end; ) {
      const length = space.readMany(offset, width, batch.subarray(0, Math.min(batch.length, end - offset)));
      for (let at = 0; at < length; at += width) yield getWordLE(batch, at, width);
      offset += length;
    }
  }

  /**
   * Returns the same registers with the bytes of each value in the other order, for those of a device that has them in
   * big-endian order behind a bus that is little-endian. They need no close of their own.
   */
  swapped(): Registers {
    return new Registers(this.device, this.info, () => swappedSpace(this.#opened()));
  }

  /** Closes what the first access opened. */
  close(): void {
    this.#space?.close();
    this.#space = undefined;
  }

  #opened(): RegisterSpace {
    this.#space ??= this.#openSpace();
    return this.#space;
  }
}

/**
 * Returns the bytes of registers that a region has. A UIO map's size counts from the start of its page, so that the
 * part before `offset` is not in it: drivers/uio/uio_pdrv_genirq.c and uio_pci_generic.c give the page as address.
 * Other drivers give the address itself, and then the size is the registers' own.
 */
export function registersSize({ address, size, offset }: Region): number {
  return countsFromPage(address) ? Math.max(0, size - offset) : size;
}

/** Returns the bus address of a region's first register; null where it is not known. */
export function registersAddress({ address, offset }: Region): bigint | null {
  if (address === null) return null;
  return BigInt(address) + (countsFromPage(address) ? BigInt(offset) : 0n);
}

function countsFromPage(address: string | null): boolean {
  return address === null || BigInt(address) % 4096n === 0n;
}

/** @throws usage, unless the range lies in the region, every register in it is aligned, and its kind takes the width */
export function checkRange(device: string, region: Region, { offset, length }: Range, width: Width): void {
  const size = registersSize(region);
  const subject = `${device} ${region.name}`;
  // A UIO driver may call its ports otherwise (uio_aec: port_gpio); they are reached as ports.
  const narrow = region.kind === 'config' || region.kind === 'portio' || region.name.startsWith('port');
  if (width === 8 && narrow)
    throw usageError(
      subject,
      `${region.kind === 'config' ? 'configuration space has' : 'I/O ports have'} no accesses of 8 bytes`,
      'use -w 1, 2 or 4',
    );
  if (!Number.isSafeInteger(offset) || offset < 0 || offset + length > size)
    throw usageError(
      subject,
      `${offset < size ? `the range up to ${hex(offset + length)}` : `offset ${hex(offset)}`} is outside of the region, which has ${hex(size)} bytes`,
    );
  const misaligned =
    offset % width !== 0 ? `offset ${hex(offset)}` : length % width !== 0 ? `length ${hex(length)}` : null;
  if (misaligned !== null)
    throw usageError(
      subject,
      `${misaligned} is not a multiple of the width, ${width}`,
      'choose another width with -w 1|2|4|8, if the device takes it',
    );
  // The bus sees the address, not the offset: a region that begins off the width's alignment shifts every register.
  if (region.offset % width !== 0)
    throw usageError(
      subject,
      `begins at ${hex(region.offset)} in its page: an access of ${width} bytes would be misaligned`,
    );
}

/** @throws usage, unless the value fits a register of this width */
export function checkValue(device: string, region: Region, width: Width, value: Word): void {
  if (value < 0 || BigInt(value) >> BigInt(8 * width) !== 0n)
    throw usageError(`${device} ${region.name}`, `${hex(value)} does not fit a register of ${width} bytes`);
}

/**
 * Finds a region by its name, or by the driver's own where only one has it.
 *
 * @throws exit 3, naming the regions there are
 */
export function findRegion(device: string, regions: readonly Region[], name: string): Region {
  const labelled = regions.filter(({ label }) => label === name);
  const region = regions.find((candidate) => candidate.name === name) ?? labelled[0];
  const several = labelled.length > 1 && region === labelled[0];
  if (region === undefined || several)
    throw new UdrvError(several ? `matches ${labelled.map((r) => r.name).join(', ')}` : 'no such region', {
      code: 'ENOREGION',
      exit: Exit.notFound,
      subject: `${device} ${name}`,
      hint: regionHint(regions, name),
      device,
    });
  return region;
}

function regionHint(regions: readonly Region[], name: string): string {
  if (regions.length === 0) return 'it has no regions';
  const names = regions.flatMap((region) => [region.name, ...(region.label === undefined ? [] : [region.label])]);
  const meant = names.length > 1 ? didYouMean(name, names) : undefined;
  return `${meant === undefined ? '' : `${meant} `}it has ${regions.map(withLabel).join(', ')}`;
}

function withLabel({ name, label }: Region): string {
  return label === undefined ? name : `${name} (${label})`;
}
