import type { Width, Word } from '../../sys/sys';
import type { SimRegion } from './region';

/** One access of the program under test to a device. */
export interface RegisterAccess {
  /** A PCI address, or the name of a platform device. */
  device: string;
  /** `bar0`, `config`; `map0` where the device is no PCI function. */
  region: string;
  op: 'read' | 'write';
  offset: number;
  width: Width;
  value: Word;
}

/** Records the accesses of programs to devices, without those of the simulated kernel itself. */
export class AccessLog {
  /** Null while not recording. */
  entries: RegisterAccess[] | null = null;

  /** Returns the region with its accesses recorded. */
  of(device: string, region: string, target: SimRegion): SimRegion {
    return {
      read: (offset, width) => {
        const value = target.read(offset, width);
        this.entries?.push({ device, region, op: 'read', offset, width, value });
        return value;
      },
      write: (offset, width, value) => {
        this.entries?.push({ device, region, op: 'write', offset, width, value });
        target.write(offset, width, value);
      },
    };
  }
}
