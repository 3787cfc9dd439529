import type { LabFault } from './fault';
import { machineFaults } from './machine';
import { uioFaults } from './uio';
import { usbFaults } from './usb';
import { vfioFaults } from './vfio';

/** All faults. */
export const labFaults: readonly LabFault[] = [...machineFaults, ...vfioFaults, ...uioFaults, ...usbFaults];
