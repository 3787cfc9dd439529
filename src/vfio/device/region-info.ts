import { SysError } from '../../errors';
import type { Region, RegionKind, VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import { capabilities, pairs } from '../../uapi/capability-chain';
import {
  regionInfo,
  sparseMmapCap,
  typeCap,
  VFIO_DEVICE_GET_REGION_INFO,
  VFIO_PCI_BAR0_REGION_INDEX,
  VFIO_PCI_CONFIG_REGION_INDEX,
  VFIO_PCI_ROM_REGION_INDEX,
  VFIO_PCI_VGA_REGION_INDEX,
  VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
  VFIO_REGION_INFO_CAP_SPARSE_MMAP,
  VFIO_REGION_INFO_CAP_TYPE,
  VFIO_REGION_INFO_FLAG_CAPS,
  VFIO_REGION_INFO_FLAG_MMAP,
  VFIO_REGION_INFO_FLAG_READ,
  VFIO_REGION_INFO_FLAG_WRITE,
} from '../../uapi/vfio';
import { query } from '../query';

/** Part of a region, in bytes from its start. */
export interface Area {
  offset: number;
  size: number;
}

/** A region as VFIO_DEVICE_GET_REGION_INFO describes it. */
export interface VfioRegion extends Region {
  index: number;
  /** The only areas that can be mapped; null where all of it can. */
  sparse: Area[] | null;
  /** Purpose of a region of the device's own; null for those that every PCI device has. */
  type: { type: number; subtype: number } | null;
  /** Whether the MSI-X table can be mapped with the rest of its BAR. */
  msixMappable: boolean;
}

/** A region, and its position in the device's descriptor. */
export interface LocatedRegion {
  info: VfioRegion;
  position: number;
}

/** Far more than the kernel's own devices have. */
const MAX_REGIONS = 256;

/** Reads the regions of a device. Those that it does not have are left out. @param count from VFIO_DEVICE_GET_INFO */
export function readRegions(sys: Sys, fd: number, device: VfioDeviceInfo, count: number): LocatedRegion[] {
  const regions: LocatedRegion[] = [];
  for (let index = 0; index < Math.min(count, MAX_REGIONS); index++) {
    const region = readRegion(sys, fd, device, index);
    if (region !== null) regions.push(region);
  }
  return regions;
}

function readRegion(sys: Sys, fd: number, device: VfioDeviceInfo, index: number): LocatedRegion | null {
  let struct: Buffer;
  try {
    struct = query(sys, fd, VFIO_DEVICE_GET_REGION_INFO, regionInfo.size, (info) =>
      info.writeUInt32LE(index, regionInfo.index),
    );
  } catch (error) {
    // VGA of a device that is no display.
    if (error instanceof SysError && error.code === 'EINVAL') return null;
    throw error;
  }
  const size = Number(struct.readBigUInt64LE(regionInfo.regionSize));
  const position = Number(struct.readBigUInt64LE(regionInfo.offset));
  // Beyond 2^53 a number is another: no device has that, and no access may go astray.
  if (size === 0 || !Number.isSafeInteger(size) || !Number.isSafeInteger(position)) return null;
  const flags = struct.readUInt32LE(regionInfo.flags);
  const name = nameOf(index);
  const inSysfs = device.pci.regions.find((region) => region.name === name);
  const info: VfioRegion = {
    index,
    name,
    kind: inSysfs?.kind ?? kindOf(index),
    address: inSysfs?.address ?? null,
    size,
    offset: 0,
    read: (flags & VFIO_REGION_INFO_FLAG_READ) !== 0,
    write: (flags & VFIO_REGION_INFO_FLAG_WRITE) !== 0,
    mmap: (flags & VFIO_REGION_INFO_FLAG_MMAP) !== 0,
    sparse: null,
    type: null,
    msixMappable: false,
  };
  const first = (flags & VFIO_REGION_INFO_FLAG_CAPS) === 0 ? 0 : struct.readUInt32LE(regionInfo.capOffset);
  for (const capability of capabilities(struct, first)) {
    const { id, bytes } = capability;
    if (id === VFIO_REGION_INFO_CAP_SPARSE_MMAP)
      info.sparse = pairs(capability, sparseMmapCap.count, sparseMmapCap.areas).map(([offset, length]) => ({
        offset: Number(offset),
        size: Number(length),
      }));
    else if (id === VFIO_REGION_INFO_CAP_TYPE && bytes.length >= typeCap.size)
      info.type = { type: bytes.readUInt32LE(typeCap.type), subtype: bytes.readUInt32LE(typeCap.subtype) };
    else if (id === VFIO_REGION_INFO_CAP_MSIX_MAPPABLE) info.msixMappable = true;
  }
  return { info, position };
}

function nameOf(index: number): string {
  if (index < VFIO_PCI_ROM_REGION_INDEX) return `bar${index - VFIO_PCI_BAR0_REGION_INDEX}`;
  if (index === VFIO_PCI_ROM_REGION_INDEX) return 'rom';
  if (index === VFIO_PCI_CONFIG_REGION_INDEX) return 'config';
  return index === VFIO_PCI_VGA_REGION_INDEX ? 'vga' : `region${index}`;
}

function kindOf(index: number): RegionKind {
  if (index < VFIO_PCI_ROM_REGION_INDEX) return 'mmio';
  if (index === VFIO_PCI_ROM_REGION_INDEX) return 'rom';
  if (index === VFIO_PCI_CONFIG_REGION_INDEX) return 'config';
  return index === VFIO_PCI_VGA_REGION_INDEX ? 'vga' : 'other';
}
