import type { Region } from '../../model/device';
import { PCI_CFG_SPACE_EXP_SIZE } from '../../uapi/pci-regs';

/** Returns a region that sysfs does not know, with the largest size it may have: the real one shows once it is open. */
export function unseenRegion(name: string): Region | null {
  const kind = /^(config|rom|vga)$/.test(name) ? (name as 'config' | 'rom' | 'vga') : 'other';
  if (kind === 'other' && !/^region\d{1,3}$/.test(name)) return null;
  const size = kind === 'config' ? PCI_CFG_SPACE_EXP_SIZE : Number.MAX_SAFE_INTEGER;
  return { name, kind, address: null, size, offset: 0, read: true, write: true, mmap: false };
}
