import type { VfioDeviceInfo } from '../../model/device';
import { PCI_CLASS_REVISION, PCI_COMMAND, PCI_COMMAND_IO, PCI_COMMAND_MEMORY } from '../../uapi/pci-regs';
import { decodingOff, notAnswering } from '../errors';
import type { VfioRegion } from './region-info';

/** Bytes of the configuration space that tell whether a device answers: ids, command, status, class and revision. */
export const HEADER_SIZE = 12;

/**
 * Makes sure that a BAR answers: a mapping of one that does not is SIGBUS, which Node does not survive, and pread gives
 * all ones for a device that is not there.
 *
 * @param header the first {@link HEADER_SIZE} bytes of the configuration space. VFIO answers for vendor and device by
 *   itself (vfio_pci_config.c): class and revision are the device's own.
 */
export function mustAnswer({ address }: VfioDeviceInfo, { name, kind }: VfioRegion, header: Buffer): void {
  if (header.readUInt32LE(PCI_CLASS_REVISION) === 0xffff_ffff) throw notAnswering(address);
  const bit = kind === 'portio' ? PCI_COMMAND_IO : kind === 'mmio' || kind === 'rom' ? PCI_COMMAND_MEMORY : 0;
  if (bit !== 0 && (header.readUInt16LE(PCI_COMMAND) & bit) === 0)
    throw decodingOff(address, name, kind === 'portio' ? 'I/O port' : 'memory');
}
