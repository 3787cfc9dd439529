import type { VfioDeviceInfo } from '../../model/device';
import { getWordLE, putWordLE, type RegisterSpace } from '../../model/registers';
import type { Sys, Width, Word } from '../../sys/sys';
import { accessFailed, accessIncomplete, notMappable } from '../errors';
import type { LocatedRegion } from './region-info';
import { MappedSpace } from './region-mmap';

/**
 * Tells whether memory is better accessed by a mapping than by the kernel. On x86 an access that nothing answers gives all
 * ones; elsewhere it is an abort, which in vfio_pci_core_do_io_rw() is an oops of the kernel, and in a program a signal.
 */
export function mapsFirst(architecture = process.arch): boolean {
  return architecture !== 'x64' && architecture !== 'ia32';
}

/**
 * Accesses a region by pread and pwrite: the kernel makes the access, of the width that is asked for, and reports an
 * error where it cannot. The bytes come in PCI's order, little-endian, on every machine
 * (drivers/vfio/pci/vfio_pci_rdwr.c). Nothing is allocated by an access.
 */
export class PreadSpace implements RegisterSpace {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #device: VfioDeviceInfo;
  readonly #region: LocatedRegion;
  readonly #buffers = { 1: Buffer.alloc(1), 2: Buffer.alloc(2), 4: Buffer.alloc(4) };
  readonly #mapsFirst: boolean;
  /** For 8 bytes too: kernels before 6.11 split a pread of them into two accesses. */
  #mapping: MappedSpace | undefined;

  /** @param mapsFirst to make accesses by a mapping, where the region has one there */
  constructor(sys: Sys, fd: number, device: VfioDeviceInfo, region: LocatedRegion, mapsFirst = false) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
    this.#region = region;
    this.#mapsFirst = mapsFirst && region.info.mmap;
  }

  read(offset: number, width: Width): Word {
    if (width === 8 || this.#isMapped(offset, width)) return this.#mapped().read(offset, width);
    const buffer = this.#buffers[width];
    let length: number;
    try {
      length = this.#sys.pread(this.#fd, buffer, this.#region.position + offset);
    } catch (error) {
      throw accessFailed(this.#device.address, this.#region.info, error);
    }
    if (length !== width) throw this.#incomplete(length, width);
    return getWordLE(buffer, 0, width);
  }

  readMany(offset: number, width: Width, buffer: Buffer): number {
    if (width === 8 || this.#isMapped(offset, width)) {
      putWordLE(buffer, 0, width, this.#mapped().read(offset, width));
      return width;
    }
    // One register: those behind it may be mapped.
    const part = this.#mapsFirst ? buffer.subarray(0, width) : buffer;
    let length: number;
    try {
      length = this.#sys.preadWords(this.#fd, part, width, this.#region.position + offset);
    } catch (error) {
      throw accessFailed(this.#device.address, this.#region.info, error);
    }
    if (length === 0 || length % width !== 0) throw this.#incomplete(length % width, width);
    return length;
  }

  write(offset: number, width: Width, value: Word): void {
    if (width === 8 || this.#isMapped(offset, width)) {
      this.#mapped().write(offset, width, value);
      return;
    }
    const buffer = this.#buffers[width];
    putWordLE(buffer, 0, width, value);
    let length: number;
    try {
      length = this.#sys.pwrite(this.#fd, buffer, this.#region.position + offset);
    } catch (error) {
      throw accessFailed(this.#device.address, this.#region.info, error);
    }
    if (length !== width) throw this.#incomplete(length, width);
  }

  close(): void {
    this.#mapping?.close();
    this.#mapping = undefined;
  }

  #incomplete(length: number, width: Width): Error {
    return accessIncomplete(this.#device.address, this.#region.info.name, length, width);
  }

  #isMapped(offset: number, width: Width): boolean {
    return this.#mapsFirst && this.#mapped().reaches(offset, width);
  }

  /** @throws exit 9 where the region cannot be mapped */
  #mapped(): MappedSpace {
    const { address } = this.#device;
    const { info } = this.#region;
    if (!info.mmap) throw notMappable(address, info, 'has no accesses of 8 bytes, as it cannot be mapped', '-w 4');
    this.#mapping ??= new MappedSpace(this.#sys, this.#fd, this.#device, this.#region);
    return this.#mapping;
  }
}
