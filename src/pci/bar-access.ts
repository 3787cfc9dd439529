import { getWordLE, putWordLE, type RegisterSpace } from '../model/registers';
import { unansweredIn } from '../model/unanswered';
import type { Mapping, Sys, Width } from '../sys/sys';
import { mustDecode } from './decoding-check';
import {
  accessIncomplete,
  mapBarFailed,
  noAccess,
  notPlaced,
  openResourceFailed,
  portFailed,
  portTooWide,
} from './errors';
import { pciPath } from './paths';
import type { BarPlace } from './resources';

/**
 * Mappings are made in windows of this size: for each page of a mapping the kernel fills in an entry of the page table
 * at once, and the BARs of graphics cards have gigabytes. A multiple of every page size.
 */
const WINDOW = 2 ** 24;

/**
 * Opens registers of a PCI function through the files that sysfs has for it, whatever driver has the function: memory is
 * mapped (`resourceN` of memory cannot be read), I/O ports are read and written, an access each
 * (drivers/pci/pci-sysfs.c).
 *
 * @throws exit 4 without permission, or under lockdown; exit 5 where the kernel keeps the BAR for its driver; exit 1 where
 *   the function sleeps or does not decode, 8 where it is gone, 9 where the BAR has no address
 */
export function openBar(sys: Sys, place: BarPlace, write: boolean): RegisterSpace {
  const { address, bar, device } = place;
  if (bar.kind !== 'mmio' && bar.kind !== 'portio') throw noAccess(place);
  if (bar.address === null) throw notPlaced(place);
  mustDecode(sys, address, bar.kind, device);
  const fd = openResource(sys, place, write);
  return bar.kind === 'portio' ? ports(sys, place, fd) : new MappedBar(sys, place, fd, write);
}

function openResource(sys: Sys, { address, bar, device }: BarPlace, write: boolean): number {
  try {
    return sys.open(pciPath(address, `resource${bar.name.slice('bar'.length)}`), { write });
  } catch (error) {
    throw openResourceFailed(device, error);
  }
}

/** Accesses memory by mappings, an access of the processor each. */
class MappedBar implements RegisterSpace {
  readonly #sys: Sys;
  readonly #place: BarPlace;
  readonly #fd: number;
  readonly #write: boolean;
  /** Bytes from the begin of the first page to the region's first register: small BARs may lie anywhere in a page. */
  readonly #start: number;
  /** Bytes of the pages that the BAR touches. */
  readonly #length: number;
  readonly #windows = new Map<number, Mapping>();

  constructor(sys: Sys, place: BarPlace, fd: number, write: boolean) {
    this.#sys = sys;
    this.#place = place;
    this.#fd = fd;
    this.#write = write;
    const { bar, offset } = place;
    const withinPage = Number(BigInt(bar.address ?? 0) % BigInt(sys.pageSize));
    this.#start = withinPage + offset;
    this.#length = Math.ceil((withinPage + bar.size) / sys.pageSize) * sys.pageSize;
  }

  read(offset: number, width: Width) {
    const { mapping, at } = this.#find(offset);
    return mapping.read(at, width);
  }

  write(offset: number, width: Width, value: number | bigint): void {
    const { mapping, at } = this.#find(offset);
    mapping.write(at, width, value);
  }

  reader(offset: number, width: Width) {
    const { mapping, at } = this.#find(offset);
    return mapping.reader(at, width);
  }

  writer(offset: number, width: Width): (value: number | bigint) => void {
    const { mapping, at } = this.#find(offset);
    return mapping.writer(at, width);
  }

  close(): void {
    for (const mapping of this.#windows.values()) mapping.close();
    this.#windows.clear();
    this.#sys.close(this.#fd);
  }

  #find(offset: number): { mapping: Mapping; at: number } {
    const at = this.#start + offset;
    const window = Math.floor(at / WINDOW);
    let mapping = this.#windows.get(window);
    if (mapping === undefined) {
      mapping = this.#map(window * WINDOW);
      this.#windows.set(window, mapping);
    }
    return { mapping, at: at - window * WINDOW };
  }

  #map(start: number): Mapping {
    const { device, region } = this.#place;
    const unanswered = unansweredIn(device, region, start - this.#start);
    try {
      return this.#sys.mmap(this.#fd, Math.min(WINDOW, this.#length - start), this.#write, start, unanswered);
    } catch (error) {
      throw mapBarFailed(this.#sys, this.#place, error);
    }
  }
}

/** Accesses I/O ports by pread and pwrite: the kernel makes one inb, inw or inl for 1, 2 or 4 bytes. */
function ports(sys: Sys, place: BarPlace, fd: number): RegisterSpace {
  const { offset: start } = place;
  const buffers = { 1: Buffer.alloc(1), 2: Buffer.alloc(2), 4: Buffer.alloc(4) };
  const bufferOf = (width: Width): Buffer => {
    if (width === 8) throw portTooWide(place);
    return buffers[width];
  };
  const transfer = (call: () => number, width: Width) => {
    let transferred: number;
    try {
      transferred = call();
    } catch (error) {
      throw portFailed(sys, place, error);
    }
    if (transferred !== width) throw accessIncomplete(place, transferred, width);
  };
  return {
    read: (offset, width) => {
      const buffer = bufferOf(width);
      transfer(() => sys.pread(fd, buffer, start + offset), width);
      return getWordLE(buffer, 0, width);
    },
    write: (offset, width, value) => {
      const buffer = bufferOf(width);
      putWordLE(buffer, 0, width, value);
      transfer(() => sys.pwrite(fd, buffer, start + offset), width);
    },
    close: () => sys.close(fd),
  };
}
