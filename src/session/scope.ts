import { Exit, UdrvError, usageError } from '../errors';
import type { Region, UioDeviceInfo, UsbDeviceInfo, VfioDeviceInfo } from '../model/device';
import { findRegion } from '../model/registers';
import type { RegisterNames } from '../regmap/names';
import { didYouMean } from '../text/nearest';
import type { UDmaBufInfo } from '../uio/u-dma-buf';
import type { DmaAccess } from '../vfio/dma/iommu';
import { unseenRegion } from '../vfio/inspect/unseen-region';

/** A device that a session can hold open. */
export type SessionDeviceInfo = UioDeviceInfo | VfioDeviceInfo | UsbDeviceInfo;

/** A buffer as far as a check knows it: its memory may not be there yet. */
export interface KnownBuffer {
  length: number;
  /** Access that the device has; null: not mapped. */
  access: DmaAccess | null;
}

/** Finds the names of the device's registers, once a step has one; null: it has none. @throws UdrvError */
export type NameSource = () => RegisterNames | null;

export interface ScopeOptions {
  /** Regions of the opened device; without them those that its inspection shows. */
  regions?: readonly Region[] | undefined;
  names?: NameSource | undefined;
  /** The buffers of u-dma-buf. @throws exit 3 where there is none of this name */
  uDmaBuf?: ((name: string) => UDmaBufInfo) | undefined;
}

/**
 * The state that steps are checked against: the device, opened or only inspected, and the buffers and interrupts that
 * the steps before will have made.
 */
export class Scope {
  readonly regions: readonly Region[];
  readonly names: NameSource;
  readonly buffers = new Map<string, KnownBuffer>();
  readonly freed = new Set<string>();
  /** Interrupts that are on. */
  readonly irqs = new Set<string>();
  readonly uDmaBuf: (name: string) => UDmaBufInfo;
  readonly #isOpen: boolean;
  readonly #pageSize: number;
  #info: SessionDeviceInfo;

  constructor(
    info: SessionDeviceInfo,
    pageSize: number,
    { regions, names = () => null, uDmaBuf = noUDmaBuf }: ScopeOptions = {},
  ) {
    this.names = names;
    this.uDmaBuf = uDmaBuf;
    this.#info = info;
    this.#pageSize = pageSize;
    this.#isOpen = regions !== undefined;
    this.regions =
      regions ?? (info.framework === 'usb' ? [] : info.framework === 'uio' ? info.uio.regions : info.pci.regions);
  }

  /** The device, with the alternate settings that the steps before have selected. */
  get info(): SessionDeviceInfo {
    return this.#info;
  }

  /** Rounds a size up to whole pages. */
  pages(size: number, page = this.#pageSize): number {
    return Math.ceil(size / page) * page;
  }

  /** Selects an alternate setting of a USB device. */
  select(intf: number, alt: number): void {
    const info = this.#info;
    if (info.framework !== 'usb') return;
    const interfaces = info.usb.interfaces.map((one) =>
      one.number === intf ? { ...one, active: one.alt === alt } : one,
    );
    this.#info = { ...info, usb: { ...info.usb, interfaces } };
  }

  get address(): string {
    return this.info.address;
  }

  hasRegion(name: string): boolean {
    return this.regions.some((region) => region.name === name || region.label === name);
  }

  /** Tells whether a word is that of a region or a buffer, also of one that is gone or may show when the device is open. */
  knows(name: string): boolean {
    if (this.hasRegion(name) || this.buffers.has(name) || this.freed.has(name)) return true;
    return !this.#isOpen && this.info.framework === 'vfio' && unseenRegion(name) !== null;
  }

  /** Returns what is known of a region. @throws exit 3, naming the regions and buffers there are */
  region(name: string): Region {
    const buffer = this.buffers.get(name);
    if (buffer !== undefined) return bufferRegion(name, buffer.length);
    if (this.freed.has(name)) throw this.#freed(name);
    const seen = this.regions.find((region) => region.name === name);
    if (seen !== undefined) return seen;
    if (!this.#isOpen && this.info.framework === 'vfio') {
      const unseen = unseenRegion(name);
      if (unseen !== null) return unseen;
    }
    if (this.hasRegion(name)) return findRegion(this.address, this.regions, name);
    const known = [...this.regions.map((region) => region.name), ...this.buffers.keys()];
    throw new UdrvError(`no such region${this.buffers.size > 0 || this.regions.length === 0 ? ' or buffer' : ''}`, {
      code: 'ENOREGION',
      exit: Exit.notFound,
      subject: `${this.address} ${name}`,
      hint:
        didYouMean(name, known) ??
        (known.length > 0 ? `there are ${known.join(', ')}` : 'buf NAME SIZE makes a buffer'),
      device: this.address,
    });
  }

  /** @throws exit 3 where there is no such buffer, 2 where it was freed */
  buffer(name: string): KnownBuffer {
    const buffer = this.buffers.get(name);
    if (buffer !== undefined) return buffer;
    if (this.freed.has(name)) throw this.#freed(name);
    const known = [...this.buffers.keys()];
    throw new UdrvError('no such buffer', {
      code: 'ENOENT',
      exit: Exit.notFound,
      subject: name,
      hint: didYouMean(name, known) ?? (known.length > 0 ? `there are ${known.join(', ')}` : 'buf NAME SIZE makes one'),
      device: this.address,
    });
  }

  #freed(name: string): UdrvError {
    return usageError(name, 'was freed', 'buf NAME SIZE makes a new one');
  }
}

function noUDmaBuf(name: string): never {
  throw usageError(name, 'no buffers of u-dma-buf are known here');
}

/** Returns a buffer as a region: its words are accessed as registers are. */
export function bufferRegion(name: string, size: number): Region {
  return { name, kind: 'other', address: null, size, offset: 0, read: true, write: true, mmap: true };
}
