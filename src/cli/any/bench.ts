import { byFramework } from '../guess/choose';
import type { VerbSpec } from '../program/command';
import { command as uio } from '../uio/bench';
import { command as usb } from '../usb/bench';
import { command as vfio } from '../vfio/bench';

export const command: VerbSpec = {
  ...byFramework('bench', 'measure latencies, and of a USB endpoint the throughput', { uio, vfio, pci: vfio, usb }, [
    'bench 0000:00:03.0 --sizes 4K -c 100',
    'bench 1-2 0x81 --queue 1,4 --seconds 0.2',
  ]),
  usage: '[options] <device> [endpoint]\n       udrv bench report [options] [device...]',
  commands: { report: () => require('../bench/report') },
};
