import type { Region, UioDeviceInfo } from '../model/device';
import type { RegisterSpace } from '../model/registers';
import { mustDecode } from '../pci/decoding-check';
import { pciPath } from '../pci/paths';
import type { Mapping, Sys, Width, Word } from '../sys/sys';
import { accessIncomplete, mapFailed, notReachable, openResourceFailed, portTooWide } from './errors';

/**
 * Opens a region of a UIO device for access: a map through the node, a BAR or port region through the `resourceN`
 * files of the PCI function behind it.
 */
export function openSpace(sys: Sys, device: UioDeviceInfo, fd: number, region: Region, write: boolean): RegisterSpace {
  const { parent } = device.uio;
  const map = /^map([0-4])$/.exec(region.name);
  if (map) {
    if (parent !== null) mustDecode(sys, parent, 'mmio', device.address);
    // uio.c takes the map's number from the page offset; the mapping begins at the page that holds the map's address.
    return mapped(sys, device, fd, region, Number(map[1]) * sys.pageSize, region.offset, write);
  }
  const { bar, offset } = parentBar(device, region);
  if (bar.kind !== 'mmio' && bar.kind !== 'portio') throw notReachable(device, region);
  if (parent !== null) mustDecode(sys, parent, bar.kind, device.address);
  const resource = pciPath(parent ?? '', `resource${bar.name.slice('bar'.length)}`);
  const resourceFd = openResource(sys, resource, device, write);
  if (bar.kind === 'portio') return ports(sys, device, resourceFd, region, offset);
  try {
    // pci_mmap_resource_range() too begins at the page: a BAR smaller than that may lie anywhere in it.
    return mapped(sys, device, resourceFd, bar, 0, withinPage(sys, bar) + offset, write);
  } finally {
    // A mapping outlives the descriptor it was made from.
    sys.close(resourceFd);
  }
}

/** @param start offset of the registers in the mapping */
function mapped(
  sys: Sys,
  device: UioDeviceInfo,
  fd: number,
  region: Region,
  at: number,
  start: number,
  write: boolean,
): RegisterSpace {
  // uio_mmap() allows these pages: from the one that holds the map's address, for its size.
  const length = Math.ceil((withinPage(sys, region) + region.size) / sys.pageSize) * sys.pageSize;
  let mapping: Mapping;
  try {
    mapping = sys.mmap(fd, length, write, at);
  } catch (error) {
    throw mapFailed(device, region, error);
  }
  return {
    read: (offset: number, width: Width) => mapping.read(start + offset, width),
    write: (offset: number, width: Width, value: Word) => mapping.write(start + offset, width, value),
    writer: (offset: number, width: Width) => mapping.writer(start + offset, width),
    close: () => mapping.close(),
  };
}

function withinPage(sys: Sys, { address }: Region): number {
  return Number(BigInt(address ?? 0) % BigInt(sys.pageSize));
}

/** Accesses port registers by pread and pwrite: drivers/pci/pci-sysfs.c does one inb, inw or inl for 1, 2 or 4 bytes. */
function ports(sys: Sys, device: UioDeviceInfo, fd: number, region: Region, start: number): RegisterSpace {
  const buffers = { 1: Buffer.alloc(1), 2: Buffer.alloc(2), 4: Buffer.alloc(4) };
  const bufferOf = (width: Width) => {
    if (width === 8) throw portTooWide(device, region);
    return buffers[width];
  };
  const mustBeComplete = (transferred: number, width: Width) => {
    if (transferred !== width) throw accessIncomplete(device, region, transferred, width);
  };
  return {
    read: (offset, width) => {
      const buffer = bufferOf(width);
      mustBeComplete(sys.pread(fd, buffer, start + offset), width);
      return width === 1 ? buffer.readUInt8() : width === 2 ? buffer.readUInt16LE() : buffer.readUInt32LE();
    },
    write: (offset, width, value) => {
      const buffer = bufferOf(width);
      buffer.writeUIntLE(Number(value), 0, buffer.length);
      mustBeComplete(sys.pwrite(fd, buffer, start + offset), width);
    },
    close: () => sys.close(fd),
  };
}

/**
 * Finds the parent's BAR that holds a region, and the region's offset in it. By address: the kind that the driver gives
 * its ports is no guide (uio_aec calls an I/O BAR `port_gpio`).
 */
function parentBar(device: UioDeviceInfo, region: Region): { bar: Region; offset: number } {
  const start = region.address === null ? null : BigInt(region.address);
  for (const bar of device.pci?.regions ?? []) {
    if (!/^bar[0-5]$/.test(bar.name) || bar.address === null || start === null) continue;
    const base = BigInt(bar.address);
    if (start >= base && start + BigInt(region.size) <= base + BigInt(bar.size))
      return { bar, offset: Number(start - base) };
  }
  throw notReachable(device, region);
}

function openResource(sys: Sys, path: string, device: UioDeviceInfo, write: boolean): number {
  try {
    return sys.open(path, { write });
  } catch (error) {
    throw openResourceFailed(device, error);
  }
}
