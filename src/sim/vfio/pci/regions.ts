import type { Width } from '../../../sys/sys';
import {
  regionInfo,
  VFIO_PCI_CONFIG_REGION_INDEX,
  VFIO_PCI_ROM_REGION_INDEX,
  VFIO_PCI_VGA_REGION_INDEX,
  VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
} from '../../../uapi/vfio';
import { from, type SimRegion } from '../../hardware/region';
import { Errno } from '../../kernel/errno';
import { FatalSignal } from '../../kernel/fatal-signal';
import type { Kernel } from '../../kernel/kernel';
import { kernelStruct, respondWithCapabilities, type StructCapability, UserStruct } from '../../kernel/user-struct';
import type { PciBar } from '../../pci/bar';
import type { PciFunction } from '../../pci/function';

/** VFIO_PCI_OFFSET_SHIFT: regions begin at its multiples in the device's file. */
const REGION_SPACING = 2 ** 40;
const MSIX_ENTRY = 16;

/** The regions of a function's BARs in the file of its device: drivers/vfio/pci/vfio_pci_core.c, vfio_pci_rdwr.c. */
export class VfioPciRegions {
  readonly #kernel: Kernel;
  readonly #fn: PciFunction;
  readonly #memoryEnabled: () => boolean;

  /** @param memoryEnabled whether the user's memory decoding is on: without it an access to memory is refused */
  constructor(kernel: Kernel, fn: PciFunction, memoryEnabled: () => boolean) {
    this.#kernel = kernel;
    this.#fn = fn;
    this.#memoryEnabled = memoryEnabled;
  }

  read(index: number, offset: number, buffer: Buffer): number {
    return this.#access(index, offset, buffer, (region, at, width) => {
      writeWord(buffer, at, width, region.read(offset + at, width));
    });
  }

  write(index: number, offset: number, data: Buffer): number {
    return this.#access(
      index,
      offset,
      null,
      (region, at, width) => {
        region.write(offset + at, width, readWord(data, at, width));
      },
      data.length,
    );
  }

  /** vfio_pci_core_mmap(). An access with memory decoding off kills with SIGBUS. */
  mmap(index: number, offset: number, length: number): SimRegion {
    const bar = this.#fn.bars.find((one) => one.index === index);
    if (bar === undefined || !isMappable(this.#kernel, bar)) throw new Errno('EINVAL');
    if (offset + length > this.#kernel.pages(bar.size)) throw new Errno('EINVAL');
    const registers = from(this.#registers(bar), offset);
    const check = () => {
      if (!this.#memoryEnabled())
        throw new FatalSignal('SIGBUS', `an access to ${this.#fn.name} with its memory decoding off`);
    };
    return {
      read: (at, width) => {
        check();
        return registers.read(at, width);
      },
      write: (at, width, value) => {
        check();
        registers.write(at, width, value);
      },
    };
  }

  /** VFIO_DEVICE_GET_REGION_INFO */
  getInfo(argument: Buffer | number): number {
    const user = new UserStruct(argument, regionInfo.size);
    if (user.u32(regionInfo.argsz) < regionInfo.size) throw new Errno('EINVAL');
    const index = user.u32(regionInfo.index);
    const { size, flags, capabilities } = this.#region(index);
    const info = kernelStruct(regionInfo.size);
    info.setU32(regionInfo.argsz, user.u32(regionInfo.argsz));
    info.setU32(regionInfo.flags, flags | (capabilities.length > 0 ? VFIO_REGION_INFO_FLAG_CAPS : 0));
    info.setU32(regionInfo.index, index);
    info.setU64(regionInfo.regionSize, BigInt(size));
    info.setU64(regionInfo.offset, BigInt(index * REGION_SPACING));
    respondWithCapabilities(user, info, regionInfo.size, regionInfo.capOffset, capabilities);
    return 0;
  }

  #region(index: number): { size: number; flags: number; capabilities: StructCapability[] } {
    const readWrite = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
    if (index === VFIO_PCI_CONFIG_REGION_INDEX)
      return { size: this.#fn.config.size, flags: readWrite, capabilities: [] };
    if (index >= VFIO_PCI_VGA_REGION_INDEX) throw new Errno('EINVAL');
    const bar = this.#fn.bars.find((one) => one.index === index);
    // No function here has a ROM.
    if (bar === undefined || index === VFIO_PCI_ROM_REGION_INDEX) return { size: 0, flags: 0, capabilities: [] };
    if (!isMappable(this.#kernel, bar)) return { size: bar.size, flags: readWrite, capabilities: [] };
    const msix = this.#fn.msix?.bar === index;
    return {
      size: bar.size,
      flags: readWrite | VFIO_REGION_INFO_FLAG_MMAP,
      capabilities: msix ? [{ id: VFIO_REGION_INFO_CAP_MSIX_MAPPABLE, version: 1, size: 8 }] : [],
    };
  }

  #registers(bar: PciBar): SimRegion {
    return this.#kernel.log.of(this.#fn.name, `bar${bar.index}`, this.#fn.bar(bar));
  }

  /**
   * vfio_pci_bar_rw(), vfio_pci_core_do_io_rw(): makes the widest aligned accesses that the range allows. The MSI-X
   * table is left out: it reads as ones, and writes to it are dropped.
   */
  #access(
    index: number,
    offset: number,
    buffer: Buffer | null,
    access: (region: SimRegion, at: number, width: Width) => void,
    length = buffer?.length ?? 0,
  ): number {
    const bar = this.#fn.bars.find((one) => one.index === index);
    if (bar === undefined || offset >= bar.size) throw new Errno('EINVAL');
    const count = Math.min(length, bar.size - offset);
    const region = this.#registers(bar);
    const { msix } = this.#fn;
    const hidden = msix !== null && msix.bar === index ? msix : null;
    const start = hidden?.offset ?? Number.POSITIVE_INFINITY;
    const end = hidden === null ? start : start + hidden.vectors * MSIX_ENTRY;
    for (let at = 0; at < count; ) {
      const here = offset + at;
      if (here >= start && here < end) {
        const skipped = Math.min(count - at, end - here);
        buffer?.fill(0xff, at, at + skipped);
        at += skipped;
        continue;
      }
      if (!bar.io && !this.#memoryEnabled()) throw new Errno('EIO');
      const width = widest(here, here < start ? Math.min(count - at, start - here) : count - at);
      access(region, at, width);
      at += width;
    }
    return count;
  }
}

/** Splits a position in the device's file into a region and an offset in it. */
export function splitPosition(position: number): { index: number; offset: number } {
  const index = Math.floor(position / REGION_SPACING);
  return { index, offset: position - index * REGION_SPACING };
}

/** Returns whether a BAR can be mapped, being memory in whole pages: vfio_pci_probe_mmaps(). */
function isMappable(kernel: Kernel, bar: PciBar): boolean {
  return !bar.io && (bar.size >= kernel.pageSize || bar.address % kernel.pageSize === 0);
}

function widest(offset: number, length: number): Width {
  for (const width of [8, 4, 2] as const) if (length >= width && offset % width === 0) return width;
  return 1;
}

/** PCI is little-endian, and so is every machine that this runs on. */
function writeWord(buffer: Buffer, at: number, width: Width, value: number | bigint): void {
  if (width === 8) buffer.writeBigUInt64LE(BigInt(value), at);
  else buffer.writeUIntLE(Number(value), at, width);
}

function readWord(data: Buffer, at: number, width: Width): number | bigint {
  return width === 8 ? data.readBigUInt64LE(at) : data.readUIntLE(at, width);
}
