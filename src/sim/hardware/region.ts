import type { Mapping, Width, Word } from '../../sys/sys';

/**
 * Registers or memory as the bus sees them. One call is one access; `offset` is a multiple of `width` where the bus
 * has no others (memory), and any number where it has (I/O ports). Words are those of {@link Mapping}.
 */
export interface SimRegion {
  read(offset: number, width: Width): Word;
  write(offset: number, width: Width, value: Word): void;
}

/** One access of the program under test to a device. */
export interface RegisterAccess {
  /** The hardware: a PCI address, the name of a platform device. */
  device: string;
  /** `bar0`, `config`; `map0` where the device is no PCI function. */
  region: string;
  op: 'read' | 'write';
  offset: number;
  width: Width;
  value: Word;
}

/** The accesses of programs, once someone asks for them. Those of the simulated kernel itself are not among them. */
export class AccessLog {
  /** Null: not recording. */
  entries: RegisterAccess[] | null = null;

  /** The same region, its accesses recorded. */
  of(device: string, region: string, target: SimRegion): SimRegion {
    return {
      read: (offset, width) => {
        const value = target.read(offset, width);
        this.entries?.push({ device, region, op: 'read', offset, width, value });
        return value;
      },
      write: (offset, width, value) => {
        this.entries?.push({ device, region, op: 'write', offset, width, value });
        target.write(offset, width, value);
      },
    };
  }
}

/** What would have killed the process: there is nothing that a program could catch. */
export class Fault extends Error {
  readonly signal: 'SIGSEGV' | 'SIGBUS';

  constructor(signal: 'SIGSEGV' | 'SIGBUS', message: string) {
    super(`${signal}: ${message}`);
    this.name = 'Fault';
    this.signal = signal;
  }
}

/** A word of all ones: what a bus gives where nothing answers. */
export function ones(width: Width): Word {
  return toWord(-1n, width);
}

/** The lowest bytes of a value, as the type that a word of this width has. */
export function toWord(value: Word, width: Width): Word {
  if (typeof value === 'number' && width === 4) return value >>> 0;
  const bits = BigInt.asUintN(8 * width, BigInt(value));
  return width === 8 ? bits : Number(bits);
}

/** Where nothing answers: reads give all ones, writes are lost. */
export const unassigned: SimRegion = { read: (_offset, width) => ones(width), write: () => {} };

/** The same region with another origin: what is at `start` is now at 0. */
export function from(region: SimRegion, start: number): SimRegion {
  if (start === 0) return region;
  return {
    read: (offset, width) => region.read(start + offset, width),
    write: (offset, width, value) => region.write(start + offset, width, value),
  };
}

/** A region that is chosen anew for each access, and that ends after `size` bytes; around it nothing answers. */
export function bounded(size: number, choose: () => SimRegion): SimRegion {
  const at = (offset: number, width: Width) => (offset < 0 || offset + width > size ? unassigned : choose());
  return {
    read: (offset, width) => at(offset, width).read(offset, width),
    write: (offset, width, value) => at(offset, width).write(offset, width, value),
  };
}

/** A device that takes single bytes only: wider accesses are split, lowest byte first. */
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

/** Memory. */
export function ram(bytes: Uint8Array): SimRegion {
  return bytewise(
    (offset) => bytes[offset] ?? 0xff,
    (offset, value) => {
      if (offset < bytes.length) bytes[offset] = value;
    },
  );
}

interface MappingHooks {
  /** Brings the machine up to date before an access. */
  update(): void;
  /** It is gone from the address space. */
  unmap(): void;
}

/** A region in the address space of the program, with the checks of a real mapping ({@link Mapping}). */
export class SimMapping implements Mapping {
  readonly length: number;
  readonly #region: SimRegion;
  readonly #writable: boolean;
  readonly #hooks: MappingHooks;
  #closed = false;

  constructor(region: SimRegion, length: number, writable: boolean, hooks: MappingHooks) {
    this.length = length;
    this.#region = region;
    this.#writable = writable;
    this.#hooks = hooks;
  }

  read(offset: number, width: Width): Word {
    this.#check(offset, width);
    return toWord(this.#region.read(offset, width), width);
  }

  write(offset: number, width: Width, value: Word): void {
    this.#check(offset, width);
    if (!this.#writable) throw new Fault('SIGSEGV', 'a write to a mapping that is read-only');
    this.#region.write(offset, width, toWord(value, width));
  }

  writer(offset: number, width: Width): (value: Word) => void {
    this.#check(offset, width);
    return (value) => this.write(offset, width, value);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#hooks.unmap();
  }

  #check(offset: number, width: Width): void {
    if (this.#closed) throw new RangeError('the mapping is closed');
    if (!Number.isSafeInteger(offset) || offset < 0 || offset + width > this.length)
      throw new RangeError(`offset ${offset} with width ${width} is outside of ${this.length} bytes`);
    if (offset % width !== 0) throw new RangeError(`offset ${offset} is not a multiple of ${width}`);
    this.#hooks.update();
  }
}
