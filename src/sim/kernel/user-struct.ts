import { endianness } from 'node:os';
import { Errno } from './errno';

const little = endianness() === 'LE';

/**
 * What an ioctl's pointer points to, as copy_from_user() and copy_to_user() see it: numbers in the CPU's byte order.
 * Memory ends where the caller's buffer does, so that a struct that is shorter than the kernel takes it to be is a bad
 * address. On a real machine something else follows, and the kernel cannot tell.
 */
export class UserStruct {
  readonly bytes: Buffer;
  readonly #view: DataView;

  /**
   * @param argument of the ioctl; a number is no address of anything
   * @param size what the kernel copies at least
   * @throws Errno EFAULT
   */
  constructor(argument: Buffer | number, size: number) {
    if (typeof argument === 'number' || argument.length < size) throw new Errno('EFAULT');
    this.bytes = argument;
    this.#view = new DataView(argument.buffer, argument.byteOffset, argument.length);
  }

  u16(offset: number): number {
    return this.#at(offset, 2, () => this.#view.getUint16(offset, little));
  }

  u32(offset: number): number {
    return this.#at(offset, 4, () => this.#view.getUint32(offset, little));
  }

  s32(offset: number): number {
    return this.#at(offset, 4, () => this.#view.getInt32(offset, little));
  }

  u64(offset: number): bigint {
    return this.#at(offset, 8, () => this.#view.getBigUint64(offset, little));
  }

  setU16(offset: number, value: number): void {
    this.#at(offset, 2, () => this.#view.setUint16(offset, value, little));
  }

  setU32(offset: number, value: number): void {
    this.#at(offset, 4, () => this.#view.setUint32(offset, value, little));
  }

  setU64(offset: number, value: bigint): void {
    this.#at(offset, 8, () => this.#view.setBigUint64(offset, value, little));
  }

  /** copy_to_user() of part of a struct that was made apart, as the kernel makes them. */
  fill(source: UserStruct, length: number): void {
    if (length > this.bytes.length) throw new Errno('EFAULT');
    source.bytes.copy(this.bytes, 0, 0, length);
  }

  #at<T>(offset: number, width: number, access: () => T): T {
    if (offset + width > this.bytes.length) throw new Errno('EFAULT');
    return access();
  }
}

/** A struct of the kernel's own, zeroed, that is copied to the caller when it is complete. */
export function kernelStruct(size: number): UserStruct {
  return new UserStruct(Buffer.alloc(size), size);
}

/** A capability for {@link CapabilityChain}. */
export interface StructCapability {
  readonly id: number;
  readonly version: number;
  /** In bytes, with the header. */
  readonly size: number;
  /** Writes what follows the header; offsets count from the start of the header. */
  fill?(body: UserStruct): void;
}

const CAP_HEADER = 8;

/** vfio_info_cap_add(), vfio_info_cap_shift(): the chain that follows a struct, each capability on a multiple of 8. */
export function capabilityChain(offset: number, capabilities: readonly StructCapability[]): Buffer {
  const parts = capabilities.map((capability) => {
    const part = kernelStruct(Math.ceil(capability.size / CAP_HEADER) * CAP_HEADER);
    part.setU16(0, capability.id);
    part.setU16(2, capability.version);
    capability.fill?.(part);
    return part;
  });
  let end = offset;
  for (const [index, part] of parts.entries()) {
    end += part.bytes.length;
    part.setU32(4, index + 1 < parts.length ? end : 0);
  }
  return Buffer.concat(parts.map(({ bytes }) => bytes));
}

/**
 * Puts a struct and its capabilities where the caller wants them: with `argsz` as what was needed and no chain where
 * it does not fit.
 *
 * @param known how much of the struct the caller's argsz covers
 */
export function respondWithCapabilities(
  user: UserStruct,
  info: UserStruct,
  known: number,
  capOffset: number,
  capabilities: readonly StructCapability[],
): void {
  const { length: size } = info.bytes;
  if (capabilities.length > 0) {
    const chain = capabilityChain(size, capabilities);
    if (info.u32(0) < size + chain.length) {
      info.setU32(0, size + chain.length);
    } else {
      if (user.bytes.length < size + chain.length) throw new Errno('EFAULT');
      chain.copy(user.bytes, size);
      info.setU32(capOffset, size);
    }
  }
  user.fill(info, known);
}
