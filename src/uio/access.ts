import { Exit, fromSysError, SysError, UdrvError, usageError } from '../errors';
import type { Region, UioDeviceInfo } from '../model/device';
import type { RegisterSpace } from '../model/registers';
import { mustDecode } from '../pci/decoding-check';
import type { Mapping, Sys, Width, Word } from '../sys/sys';

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
  if (bar.kind !== 'mmio' && bar.kind !== 'portio') throw unreachable(device, region);
  if (parent !== null) mustDecode(sys, parent, bar.kind, device.address);
  const resource = `/sys/bus/pci/devices/${parent}/resource${bar.name.slice('bar'.length)}`;
  const resourceFd = openResource(sys, resource, device.address, write);
  if (bar.kind === 'portio') return ports(sys, device, resourceFd, region, offset);
  try {
    // pci_mmap_resource_range() too begins at the page: a BAR smaller than that may lie anywhere in it.
    return mapped(sys, device, resourceFd, bar, 0, withinPage(sys, bar) + offset, write);
  } finally {
    // A mapping outlives the descriptor it was made from.
    sys.close(resourceFd);
  }
}

/** @param start where in the mapping the registers begin */
function mapped(
  sys: Sys,
  device: UioDeviceInfo,
  fd: number,
  region: Region,
  at: number,
  start: number,
  write: boolean,
): RegisterSpace {
  // As uio_mmap() counts the pages it allows: from the one that holds the map's address, for its size.
  const length = Math.ceil((withinPage(sys, region) + region.size) / sys.pageSize) * sys.pageSize;
  let mapping: Mapping;
  try {
    mapping = sys.mmap(fd, length, write, at);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw fromSysError(error, {
      subject: `${device.address} ${region.name}`,
      message: error.code === 'EPERM' ? 'the kernel forbids mapping device memory' : 'cannot be mapped',
      hint:
        error.code === 'EPERM'
          ? 'is it locked down? cat /sys/kernel/security/lockdown; VFIO still works then'
          : undefined,
      device: device.address,
    });
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

/** Port registers through pread and pwrite: drivers/pci/pci-sysfs.c does one inb, inw or inl for 1, 2 or 4 bytes. */
function ports(sys: Sys, device: UioDeviceInfo, fd: number, region: Region, start: number): RegisterSpace {
  const buffers = { 1: Buffer.alloc(1), 2: Buffer.alloc(2), 4: Buffer.alloc(4) };
  const bufferOf = (width: Width) => {
    if (width === 8)
      throw usageError(`${device.address} ${region.name}`, 'I/O ports have no accesses of 8 bytes', 'use -w 1, 2 or 4');
    return buffers[width];
  };
  return {
    read: (offset, width) => {
      const buffer = bufferOf(width);
      complete(sys.pread(fd, buffer, start + offset), width, device.address);
      return width === 1 ? buffer.readUInt8() : width === 2 ? buffer.readUInt16LE() : buffer.readUInt32LE();
    },
    write: (offset, width, value) => {
      const buffer = bufferOf(width);
      buffer.writeUIntLE(Number(value), 0, buffer.length);
      complete(sys.pwrite(fd, buffer, start + offset), width, device.address);
    },
    close: () => sys.close(fd),
  };
}

function complete(transferred: number, width: number, device: string): void {
  if (transferred !== width)
    throw new UdrvError(`the kernel transferred ${transferred} of ${width} bytes`, {
      code: 'EIO',
      exit: Exit.failed,
      subject: device,
      device,
    });
}

/**
 * The parent's BAR that holds a region, and where in it the region begins. By address: what the driver says of the
 * kind of its ports (uio_aec calls an I/O BAR `port_gpio`) is no guide.
 */
function parentBar(device: UioDeviceInfo, region: Region): { bar: Region; offset: number } {
  const start = region.address === null ? null : BigInt(region.address);
  for (const bar of device.pci?.regions ?? []) {
    if (!/^bar[0-5]$/.test(bar.name) || bar.address === null || start === null) continue;
    const base = BigInt(bar.address);
    if (start >= base && start + BigInt(region.size) <= base + BigInt(bar.size))
      return { bar, offset: Number(start - base) };
  }
  throw unreachable(device, region);
}

function unreachable(device: UioDeviceInfo, region: Region): UdrvError {
  return new UdrvError('there is no PCI BAR behind this region to reach it through', {
    code: 'EOPNOTSUPP',
    exit: Exit.unsupported,
    subject: `${device.address} ${region.name}`,
    device: device.address,
  });
}

function openResource(sys: Sys, path: string, device: string, write: boolean): number {
  try {
    return sys.open(path, { write });
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw fromSysError(error, {
      device,
      hint: error.code === 'EACCES' ? 'a BAR in sysfs is for root alone: run this command with sudo' : undefined,
    });
  }
}
