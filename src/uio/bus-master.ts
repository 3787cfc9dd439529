import type { UioDeviceInfo } from '../model/device';
import { pciPath } from '../pci/paths';
import { readConfig } from '../pci/sysfs-config';
import type { Sys } from '../sys/sys';
import { PCI_COMMAND, PCI_COMMAND_MASTER } from '../uapi/pci-regs';
import { restoreBusMasterFailed } from './errors';

/**
 * Keeps bus mastering as it is across the use of a node: uio_pci_generic switches it off whenever a node is closed
 * (release(), drivers/uio/uio_pci_generic.c), also under another process that goes on driving the device.
 *
 * @returns a function to call once the node is closed; it throws exit 4 where bus mastering cannot be put back, because
 *   the configuration space is for root
 */
export function keepBusMaster(sys: Sys, device: UioDeviceInfo): () => void {
  const { driver, uio } = device;
  if (driver !== 'uio_pci_generic' || uio.parent === null) return () => {};
  const { parent } = uio;
  if ((readCommand(sys, parent) & PCI_COMMAND_MASTER) === 0) return () => {};
  return () => {
    const command = readCommand(sys, parent);
    // Unreadable: the device is gone. Still on: this kernel leaves it alone.
    if (command === 0 || command === 0xffff || (command & PCI_COMMAND_MASTER) !== 0) return;
    try {
      writeCommand(sys, parent, command | PCI_COMMAND_MASTER);
    } catch (error) {
      throw restoreBusMasterFailed(device, parent, error);
    }
  };
}

/** Returns 0 where it cannot be read. */
function readCommand(sys: Sys, address: string): number {
  return readConfig(sys, address, PCI_COMMAND, 2)?.readUInt16LE() ?? 0;
}

function writeCommand(sys: Sys, address: string, command: number): void {
  const fd = sys.open(pciPath(address, 'config'), { write: true });
  try {
    const register = Buffer.alloc(2);
    register.writeUInt16LE(command);
    sys.pwrite(fd, register, PCI_COMMAND);
  } finally {
    sys.close(fd);
  }
}
