import { Exit, UdrvError } from '../errors';
import { attempt } from '../sys/attempt';
import type { Sys } from '../sys/sys';
import { PCI_COMMAND, PCI_COMMAND_IO, PCI_COMMAND_MEMORY } from '../uapi/pci-regs';
import { pciPath } from './paths';
import { readConfig } from './sysfs-config';

/**
 * Makes sure that a PCI function answers accesses to its BARs, from its configuration header and power state. One that
 * does not reads as all ones, or raises SIGBUS, which Node cannot survive: better said than shown as data.
 *
 * @param address of the function
 * @param device the name in the error
 * @throws exit 8 if the function is gone, exit 1 if decoding is off or it sleeps
 */
export function mustDecode(sys: Sys, address: string, kind: 'mmio' | 'portio', device: string): void {
  const dir = pciPath(address);
  // Vendor, device, command and status.
  const header = readConfig(sys, address, 0, 8);
  // Nothing to judge by: let the access speak for itself.
  if (header === null) return;
  if (header.readUInt16LE(0) === 0xffff) throw doesNotAnswer(address, device);
  const power = attempt(() => sys.readFile(`${dir}/power_state`), null)
    ?.toString('latin1')
    .trim();
  if (power !== undefined && /^D[1-3]/.test(power))
    throw new UdrvError(`${address} is in power state ${power}: its registers would read as all ones`, {
      code: 'EIO',
      exit: Exit.failed,
      hint: `echo on > ${dir}/power/control`,
      device,
    });
  const bit = kind === 'mmio' ? PCI_COMMAND_MEMORY : PCI_COMMAND_IO;
  if ((header.readUInt16LE(PCI_COMMAND) & bit) === 0)
    throw new UdrvError(
      `${kind === 'mmio' ? 'memory' : 'I/O port'} decoding of ${address} is switched off: its registers would read as all ones`,
      {
        code: 'EIO',
        exit: Exit.failed,
        hint: `its driver switches it on when it binds; by hand: setpci -s ${address} COMMAND=${bit}:${bit}`,
        device,
      },
    );
}

/** Makes the error for a function that reads as all ones. @param device the name in the error */
export function doesNotAnswer(address: string, device: string): UdrvError {
  return new UdrvError(`${address} does not answer: its configuration space reads as all ones`, {
    code: 'ENODEV',
    exit: Exit.gone,
    hint: `is it powered and its link up? cat ${pciPath(address, 'power_state')}`,
    device,
  });
}
