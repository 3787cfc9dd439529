import { SysError } from '../../errors';
import { formatPciAddress } from '../../pci/address';
import type { Sys } from '../../sys/sys';
import {
  hotResetDevice,
  hotResetInfo,
  VFIO_DEVICE_GET_PCI_HOT_RESET_INFO,
  VFIO_PCI_HOT_RESET_FLAG_DEV_ID,
} from '../../uapi/vfio';

/** A function that is reset with its bus. */
export interface HotResetDevice {
  address: string;
  /** Its IOMMU group; null for a device opened by iommufd, where the kernel reports other ids. */
  group: number | null;
}

/** More functions than a bus has together with those behind it; 64 KiB hold them. */
const MAX_DEVICES = 8192;

/** Codes for a root bus; a neighbour that no IOMMU isolates, beside which the kernel resets nothing; a kernel without it. */
const NONE = new Set(['ENODEV', 'EPERM', 'ENOTTY']);

/** Asks by VFIO_DEVICE_GET_PCI_HOT_RESET_INFO. @returns null if there is no bus or slot to reset */
export function readHotReset(sys: Sys, fd: number): HotResetDevice[] | null {
  const ask = (room: number): Buffer => {
    const struct = Buffer.alloc(hotResetInfo.size + room * hotResetInfo.deviceSize);
    struct.writeUInt32LE(struct.length, hotResetInfo.argsz);
    try {
      sys.ioctl(fd, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, struct);
    } catch (error) {
      if (!(error instanceof SysError) || error.code !== 'ENOSPC' || room > 0) throw error;
      return ask(Math.min(struct.readUInt32LE(hotResetInfo.count), MAX_DEVICES));
    }
    return struct;
  };
  try {
    return devicesOf(ask(0));
  } catch (error) {
    if (error instanceof SysError && NONE.has(error.code)) return null;
    throw error;
  }
}

function devicesOf(struct: Buffer): HotResetDevice[] {
  const byId = (struct.readUInt32LE(hotResetInfo.flags) & VFIO_PCI_HOT_RESET_FLAG_DEV_ID) !== 0;
  const room = Math.floor((struct.length - hotResetInfo.devices) / hotResetInfo.deviceSize);
  const count = Math.min(struct.readUInt32LE(hotResetInfo.count), room);
  return Array.from({ length: count }, (_, i) => {
    const entry = struct.subarray(hotResetInfo.devices + i * hotResetInfo.deviceSize);
    const devfn = entry.readUInt8(hotResetDevice.devfn);
    const address = formatPciAddress({
      domain: entry.readUInt16LE(hotResetDevice.segment),
      bus: entry.readUInt8(hotResetDevice.bus),
      device: devfn >> 3,
      function: devfn & 7,
    });
    return { address, group: byId ? null : entry.readUInt32LE(hotResetDevice.id) };
  });
}
