import { SysError } from '../errors';
import type { Region, UioDeviceInfo } from '../model/device';
import type { RegisterSpace } from '../model/registers';
import { unansweredIn } from '../model/unanswered';
import { openBar } from '../pci/bar-access';
import { mustDecode } from '../pci/decoding-check';
import type { Mapping, Sys, Width } from '../sys/sys';
import { mapFailed, notReachable, pageNotMapped } from './errors';

/**
 * Opens a region of a UIO device for access: a map through the node, a BAR or port region through the `resourceN`
 * files of the PCI function behind it.
 */
export function openSpace(sys: Sys, device: UioDeviceInfo, fd: number, region: Region, write: boolean): RegisterSpace {
  const { parent } = device.uio;
  const map = /^map([0-4])$/.exec(region.name);
  if (map) {
    if (parent !== null) mustDecode(sys, parent, 'mmio', device.address);
    return mapSpace(sys, device, fd, region, Number(map[1]), write);
  }
  if (parent === null) throw notReachable(device, region);
  const { bar, offset } = parentBar(device, region);
  const { address, driver } = device;
  return openBar(sys, { address: parent, driver, bar, offset, device: address, region: region.name }, write);
}

/**
 * Maps a map of the node. uio_mmap() takes its number from the page offset and allows the pages that it touches, but
 * uio_mmap_physical() refuses an address within a page, and more bytes than the map has (drivers/uio/uio.c).
 */
function mapSpace(
  sys: Sys,
  device: UioDeviceInfo,
  fd: number,
  region: Region,
  number: number,
  write: boolean,
): RegisterSpace {
  const unanswered = unansweredIn(device.address, region.name, -region.offset);
  const map = (length: number) => sys.mmap(fd, length, write, number * sys.pageSize, unanswered);
  const touched = pagesOf(sys, region);
  const whole = region.size - (region.size % sys.pageSize);
  let mapping: Mapping;
  try {
    mapping = orElse(
      () => map(touched),
      (error) => (isRefused(error) && whole > 0 && whole < touched ? map(whole) : null),
    );
  } catch (error) {
    throw mapFailed(sys, device, region, error);
  }
  return mappedSpace(mapping, region.offset, (offset) => pageNotMapped(device, region, offset, sys.pageSize));
}

/** Makes a second attempt where the first fails; the first error counts where that gives null. */
function orElse<T>(first: () => T, second: (error: unknown) => T | null): T {
  try {
    return first();
  } catch (error) {
    const result = second(error);
    if (result === null) throw error;
    return result;
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof SysError && error.code === 'EINVAL';
}

/**
 * @param start offset of the registers in the mapping
 * @param outside makes the error for a register behind the end of the mapping
 */
function mappedSpace(mapping: Mapping, start: number, outside: (offset: number) => Error): RegisterSpace {
  const at = (offset: number, width: Width) => {
    if (start + offset + width > mapping.length) throw outside(offset);
    return start + offset;
  };
  return {
    read: (offset, width) => mapping.read(at(offset, width), width),
    write: (offset, width, value) => mapping.write(at(offset, width), width, value),
    reader: (offset, width) => mapping.reader(at(offset, width), width),
    writer: (offset, width) => mapping.writer(at(offset, width), width),
    close: () => mapping.close(),
  };
}

/** Returns the bytes of the pages that a region touches. */
function pagesOf(sys: Sys, region: Region): number {
  return Math.ceil((withinPage(sys, region) + region.size) / sys.pageSize) * sys.pageSize;
}

function withinPage(sys: Sys, { address }: Region): number {
  return Number(BigInt(address ?? 0) % BigInt(sys.pageSize));
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
