import { fromSysError, SysError } from '../errors';
import type { UioDeviceInfo } from '../model/device';
import { readConfig } from '../pci/sysfs-config';
import type { Sys } from '../sys/sys';
import { PCI_COMMAND, PCI_COMMAND_MASTER } from '../uapi/pci-regs';

/**
 * Keeps bus mastering as it is across the use of a node: uio_pci_generic switches it off whenever a node is closed
 * (release(), drivers/uio/uio_pci_generic.c), also under another process that goes on driving the device.
 *
 * @returns what to call once the node is closed
 * @throws the returned function: exit 4 where it cannot be put back, as the configuration space is for root
 */
export function keepBusMaster(sys: Sys, device: UioDeviceInfo): () => void {
  const { address, driver, uio } = device;
  if (driver !== 'uio_pci_generic' || uio.parent === null) return () => {};
  const { parent } = uio;
  if ((readCommand(sys, parent) & PCI_COMMAND_MASTER) === 0) return () => {};
  return () => {
    const command = readCommand(sys, parent);
    // Unread, the device is gone; still on, this kernel leaves it alone.
    if (command === 0 || command === 0xffff || (command & PCI_COMMAND_MASTER) !== 0) return;
    try {
      writeCommand(sys, parent, command | PCI_COMMAND_MASTER);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw fromSysError(error, {
        message: 'closing the node switched bus mastering off, and it could not be put back',
        hint: `sudo setpci -s ${parent} COMMAND=4:4`,
        device: address,
      });
    }
  };
}

/** 0 where it cannot be read. */
function readCommand(sys: Sys, address: string): number {
  return readConfig(sys, address, PCI_COMMAND, 2)?.readUInt16LE() ?? 0;
}

function writeCommand(sys: Sys, address: string, command: number): void {
  const fd = sys.open(`/sys/bus/pci/devices/${address}/config`, { write: true });
  try {
    const register = Buffer.alloc(2);
    register.writeUInt16LE(command);
    sys.pwrite(fd, register, PCI_COMMAND);
  } finally {
    sys.close(fd);
  }
}
