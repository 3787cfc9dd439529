import { endianness } from 'node:os';
import { Errno } from './errno';

const little = endianness() === 'LE';

/**
 * The struct that an ioctl's pointer points to, as for copy_from_user() and copy_to_user(): numbers in the CPU's byte
 * order. Memory ends where the caller's buffer does, so that a struct that is shorter than the kernel takes it to be is
 * a bad address. On a real machine something else follows, and the kernel cannot tell.
 */
export class UserStruct {
  readonly bytes: Buffer;
  readonly #view: DataView;

  /**
   * @param argument of the ioctl; a number is no address of anything
   * @param size the bytes that the kernel copies at least
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

  /** copy_to_user(): copies the first part of a struct of the kernel's own. */
  fill(source: UserStruct, length: number): void {
    if (length > this.bytes.length) throw new Errno('EFAULT');
    source.bytes.copy(this.bytes, 0, 0, length);
  }

  #at<T>(offset: number, width: number, access: () => T): T {
    if (offset + width > this.bytes.length) throw new Errno('EFAULT');
    return access();
  }
}

/** Makes a struct of the kernel's own, zeroed, to be copied to the caller when it is complete. */
export function kernelStruct(size: number): UserStruct {
  return new UserStruct(Buffer.alloc(size), size);
}

/** A capability for {@link capabilityChain}. */
export interface StructCapability {
  readonly id: number;
  readonly version: number;
  /** Its size in bytes, with the header. */
  readonly size: number;
  /** Writes what follows the header; offsets count from the start of the header. */
  fill?(body: UserStruct): void;
}

const CAP_HEADER = 8;

/**
 * vfio_info_cap_add(), vfio_info_cap_shift(): makes the chain that follows a struct, each capability on a multiple of
 * 8.
 */
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
 * Copies a struct and its capabilities to the caller. Where they do not fit, `argsz` is the size needed and there is no
 * chain.
 *
 * @param known the bytes of the struct that the caller's argsz covers
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
