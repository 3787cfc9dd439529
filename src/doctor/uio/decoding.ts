import { isPciAddress } from '../../pci/address';
import { pciPath } from '../../pci/paths';
import { PCI_COMMAND, PCI_COMMAND_IO, PCI_COMMAND_MASTER, PCI_COMMAND_MEMORY } from '../../uapi/pci-regs';
import { type Check, command, type UioSubject } from '../check';

/** The command register and the power of the function behind a UIO device: its registers answer only with both on. */
export const decoding: Check<UioSubject> = {
  ids: ['decoding-off', 'bus-mastering-off', 'not-answering', 'asleep'],
  about: 'decoding',
  *run({ tree, device, config }) {
    const { parent, regions } = device.uio;
    // The kernel's own names alone may stand in a command.
    if (parent === null || !isPciAddress(parent)) return;
    const state = tree.text(pciPath(parent, 'power_state'));
    if (state !== null && /^D[1-3]/.test(state)) {
      yield {
        id: 'asleep',
        severity: 'blocks',
        seen: [{ path: pciPath(parent, 'power_state'), value: state }],
        means: `The function sleeps (${state}), and UIO does not wake it.`,
        prevents: 'reading its registers: they read as all ones',
        mend: [command(`echo on | sudo tee ${pciPath(parent, 'power/control')}`)],
        proof: `cat ${pciPath(parent, 'power_state')}`,
      };
      return;
    }
    const header = config(parent, 0, 8);
    if (header === null || header.length < 8) return;
    const seen = (value: string) => [{ path: pciPath(parent, 'config'), value }];
    if (header.readUInt16LE(0) === 0xffff) {
      yield {
        id: 'not-answering',
        severity: 'blocks',
        seen: seen('all ones'),
        means: 'The device does not answer: it lost its link or its power, or a reset went wrong.',
        prevents: 'every use of it',
        mend: [command(`echo 1 | sudo tee ${pciPath(parent, 'remove')} && echo 1 | sudo tee /sys/bus/pci/rescan`)],
        proof: `udrv vfio config ${parent}`,
      };
      return;
    }
    const value = header.readUInt16LE(PCI_COMMAND);
    const wants = (kind: string, bit: number) => regions.some((region) => region.kind === kind) && (value & bit) === 0;
    const missing =
      (wants('mmio', PCI_COMMAND_MEMORY) ? PCI_COMMAND_MEMORY : 0) |
      (wants('portio', PCI_COMMAND_IO) ? PCI_COMMAND_IO : 0);
    if (missing !== 0)
      yield {
        id: 'decoding-off',
        severity: 'blocks',
        seen: seen(`command 0x${value.toString(16).padStart(4, '0')}`),
        means: 'The function does not decode its addresses: bits of its command register are off.',
        prevents: 'reading its registers: they read as all ones',
        mend: [command(`sudo setpci -s ${parent} COMMAND=${missing}:${missing}`)],
        proof: `udrv vfio config ${parent}`,
      };
    if ((value & PCI_COMMAND_MASTER) === 0)
      yield {
        id: 'bus-mastering-off',
        severity: 'note',
        seen: seen(`command 0x${value.toString(16).padStart(4, '0')}`),
        means: 'Bus mastering is off: the function may not access memory by itself.',
        prevents: 'DMA of the device, where its driver does not switch it on',
        mend: [command(`sudo setpci -s ${parent} COMMAND=4:4`)],
        proof: `udrv vfio config ${parent}`,
      };
  },
};
