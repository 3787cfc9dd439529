import { Exit, errnoMessage, fromSysError, SysError, UdrvError } from '../../errors';
import type { Region, VfioDeviceInfo } from '../../model/device';
import { getWordLE, putWordLE, type RegisterSpace } from '../../model/registers';
import { pciPath } from '../../pci/paths';
import type { Mapping, Sys, Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { PCI_CLASS_REVISION, PCI_COMMAND, PCI_COMMAND_IO, PCI_COMMAND_MEMORY } from '../../uapi/pci-regs';
import type { Area, LocatedRegion, VfioRegion } from './regions';

/**
 * A region by pread and pwrite: the kernel makes the access, of the width that is asked for, and says so where it
 * cannot. The bytes come in PCI's order, little-endian, on every machine (drivers/vfio/pci/vfio_pci_rdwr.c). Nothing
 * is allocated by an access.
 */
export class PreadSpace implements RegisterSpace {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #device: VfioDeviceInfo;
  readonly #region: LocatedRegion;
  readonly #buffers = { 1: Buffer.alloc(1), 2: Buffer.alloc(2), 4: Buffer.alloc(4) };
  /** For 8 bytes: kernels before 6.11 split a pread of them into two accesses. */
  #wide: MappedSpace | undefined;

  constructor(sys: Sys, fd: number, device: VfioDeviceInfo, region: LocatedRegion) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
    this.#region = region;
  }

  read(offset: number, width: Width): Word {
    if (width === 8) return this.#mapped().read(offset, width);
    const buffer = this.#buffers[width];
    let length: number;
    try {
      length = this.#sys.pread(this.#fd, buffer, this.#region.position + offset);
    } catch (error) {
      throw accessError(this.#device, this.#region.info, error);
    }
    if (length !== width) throw incomplete(this.#device, this.#region.info, length, width);
    return getWordLE(buffer, 0, width);
  }

  readMany(offset: number, width: Width, buffer: Buffer): number {
    if (width === 8) {
      putWordLE(buffer, 0, width, this.#mapped().read(offset, width));
      return width;
    }
    let length: number;
    try {
      length = this.#sys.preadWords(this.#fd, buffer, width, this.#region.position + offset);
    } catch (error) {
      throw accessError(this.#device, this.#region.info, error);
    }
    if (length === 0 || length % width !== 0) throw incomplete(this.#device, this.#region.info, length % width, width);
    return length;
  }

  write(offset: number, width: Width, value: Word): void {
    if (width === 8) {
      this.#mapped().write(offset, width, value);
      return;
    }
    const buffer = this.#buffers[width];
    putWordLE(buffer, 0, width, value);
    let length: number;
    try {
      length = this.#sys.pwrite(this.#fd, buffer, this.#region.position + offset);
    } catch (error) {
      throw accessError(this.#device, this.#region.info, error);
    }
    if (length !== width) throw incomplete(this.#device, this.#region.info, length, width);
  }

  close(): void {
    this.#wide?.close();
    this.#wide = undefined;
  }

  /** @throws exit 9 where the region cannot be mapped */
  #mapped(): MappedSpace {
    const { info } = this.#region;
    if (!info.mmap) throw unmappable(this.#device, info, 'has no accesses of 8 bytes, as it cannot be mapped', '-w 4');
    this.#wide ??= new MappedSpace(this.#sys, this.#fd, this.#device, this.#region);
    return this.#wide;
  }
}

/** A region by mappings, an access of the processor each: made as they are needed, of whole areas. */
export class MappedSpace implements RegisterSpace {
  readonly #sys: Sys;
  readonly #fd: number;
  readonly #device: VfioDeviceInfo;
  readonly #region: LocatedRegion;
  readonly #areas: readonly Area[];
  readonly #mappings = new Map<Area, Mapping>();
  /** The area of the last access, which the next one mostly is of too. */
  #last: { start: number; end: number; mapping: Mapping } | undefined;

  /** @throws exit 9 where the region cannot be mapped */
  constructor(sys: Sys, fd: number, device: VfioDeviceInfo, region: LocatedRegion) {
    this.#sys = sys;
    this.#fd = fd;
    this.#device = device;
    this.#region = region;
    const { info } = region;
    if (!info.mmap) throw unmappable(device, info, 'cannot be mapped');
    this.#areas = info.sparse ?? [{ offset: 0, size: info.size }];
  }

  read(offset: number, width: Width): Word {
    const { start, mapping } = this.#at(offset, width);
    return mapping.read(offset - start, width);
  }

  write(offset: number, width: Width, value: Word): void {
    const { start, mapping } = this.#at(offset, width);
    mapping.write(offset - start, width, value);
  }

  writer(offset: number, width: Width): (value: Word) => void {
    const { start, mapping } = this.#at(offset, width);
    return mapping.writer(offset - start, width);
  }

  close(): void {
    for (const mapping of this.#mappings.values()) mapping.close();
    this.#mappings.clear();
    this.#last = undefined;
  }

  #at(offset: number, width: Width): { start: number; mapping: Mapping } {
    const last = this.#last;
    if (last !== undefined && offset >= last.start && offset + width <= last.end) return last;
    const area = this.#areaOf(offset, width);
    this.#last = { start: area.offset, end: area.offset + area.size, mapping: this.#mapping(area) };
    return this.#last;
  }

  #areaOf(offset: number, width: Width): Area {
    const area = this.#areas.find((one) => offset >= one.offset && offset + width <= one.offset + one.size);
    if (area === undefined) throw unmappable(this.#device, this.#region.info, `cannot be mapped at ${hex(offset)}`);
    return area;
  }

  #mapping(area: Area): Mapping {
    let mapping = this.#mappings.get(area);
    if (mapping === undefined) {
      try {
        mapping = this.#sys.mmap(this.#fd, area.size, true, this.#region.position + area.offset);
      } catch (error) {
        throw error instanceof SysError
          ? unmappable(this.#device, this.#region.info, `cannot be mapped: ${errnoMessage(error.code)}`)
          : error;
      }
      this.#mappings.set(area, mapping);
    }
    return mapping;
  }
}

/**
 * Makes sure that a BAR answers: a mapping of one that does not is SIGBUS, which Node does not survive, and pread gives
 * all ones for a device that is not there.
 *
 * @param config the first 12 bytes of the device's configuration space. VFIO answers for vendor and device by itself
 *   (vfio_pci_config.c): class and revision are the device's own.
 */
export function mustAnswer({ address }: VfioDeviceInfo, { name, kind }: Region, config: Buffer): void {
  if (config.readUInt32LE(PCI_CLASS_REVISION) === 0xffff_ffff)
    throw new UdrvError('does not answer: its configuration space reads as all ones', {
      code: 'ENODEV',
      exit: Exit.gone,
      subject: address,
      hint: `is it powered and its link up? cat ${pciPath(address, 'power_state')}`,
      device: address,
    });
  const bit = kind === 'portio' ? PCI_COMMAND_IO : kind === 'mmio' || kind === 'rom' ? PCI_COMMAND_MEMORY : 0;
  if (bit !== 0 && (config.readUInt16LE(PCI_COMMAND) & bit) === 0)
    throw decodingOff(address, name, kind === 'portio' ? 'I/O port' : 'memory');
}

function decodingOff(address: string, region: string, what: string): UdrvError {
  return new UdrvError(`${what} decoding of the device is switched off: its registers do not answer`, {
    code: 'EIO',
    exit: Exit.failed,
    subject: `${address} ${region}`,
    hint: 'the kernel switches it on when the device is opened; this program has switched it off: bit 1 of config:0x4',
    device: address,
  });
}

/** The kernel refuses accesses to a BAR whose decoding is off, or whose device sleeps: drivers/vfio/pci/vfio_pci_rdwr.c. */
function accessError({ address }: VfioDeviceInfo, { name, kind }: Region, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const subject = `${address} ${name}`;
  if (error.code === 'EIO' && kind !== 'config')
    return fromSysError(error, {
      subject,
      device: address,
      message: 'the kernel does not reach it: decoding is switched off, or the device sleeps or is gone',
      hint: `udrv vfio config ${address} shows its command register and power state`,
    });
  if (error.code === 'EINVAL')
    return fromSysError(error, {
      subject,
      device: address,
      message: 'the kernel allows no such access to this region',
    });
  return fromSysError(error, { subject, device: address });
}

function incomplete({ address }: VfioDeviceInfo, { name }: Region, length: number, width: Width): UdrvError {
  return new UdrvError(`the kernel transferred ${length} of ${width} bytes`, {
    code: 'EIO',
    exit: Exit.failed,
    subject: `${address} ${name}`,
    device: address,
  });
}

function unmappable(
  { address }: VfioDeviceInfo,
  region: VfioRegion,
  message: string,
  instead = 'without --mmap',
): UdrvError {
  const areas = region.sparse?.map(({ offset, size }) => `${hex(offset)}+${hex(size)}`);
  return new UdrvError(message, {
    code: 'EOPNOTSUPP',
    exit: Exit.unsupported,
    subject: `${address} ${region.name}`,
    hint: areas !== undefined && region.mmap ? `mappable are ${areas.join(', ')}` : `${instead} it can be accessed`,
    device: address,
  });
}
