/** Looks at a guest that need no process of their own there. */
import type { Lab } from './lab';

/** Returns the name of the driver that a device or an interface has, such as `0000:00:03.0` or `1-4:1.0`; empty: none. */
export function driverOf(lab: Lab, device: string): Promise<string> {
  return lab.evaluate((fs, name) => {
    for (const bus of ['pci', 'usb', 'platform']) {
      const folder = `/sys/bus/${bus}/devices/${name}`;
      if (!fs.existsSync(folder)) continue;
      return fs.existsSync(`${folder}/driver`) ? (fs.readlinkSync(`${folder}/driver`).split('/').pop() ?? '') : '';
    }
    return '';
  }, device);
}

/** Returns the command register of a PCI function. */
export function commandOf(lab: Lab, address: string): Promise<number> {
  return lab.evaluate((fs, name) => {
    const fd = fs.openSync(`/sys/bus/pci/devices/${name}/config`, 'r');
    const word = Buffer.alloc(2);
    fs.readSync(fd, word, 0, 2, 4);
    fs.closeSync(fd);
    return word.readUInt16LE();
  }, address);
}

/** Of VFIO and iommufd: groups and containers too. */
const VFIO = '^/dev/(?:vfio|iommu)|^anon_inode:.vfio';
/** Of VFIO devices themselves. */
export const VFIO_DEVICE = 'vfio-device|^/dev/vfio/devices/';

/** Counts the descriptors that all processes have of what matches. */
export function descriptorsOf(lab: Lab, pattern: string): Promise<number> {
  return lab.evaluate((fs, source) => {
    const wanted = new RegExp(source);
    let count = 0;
    for (const pid of fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
      let descriptors: string[] = [];
      try {
        descriptors = fs.readdirSync(`/proc/${pid}/fd`);
      } catch {
        // It has ended.
      }
      for (const fd of descriptors) {
        try {
          if (wanted.test(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))) count++;
        } catch {
          // It was closed.
        }
      }
    }
    return count;
  }, pattern);
}

/** What a command must leave as it was: who drives a function, its command register, and how many hold VFIO devices. */
export interface Left {
  readonly driver: string;
  readonly command: number;
  readonly held: number;
}

export async function leftOf(lab: Lab, address: string): Promise<Left> {
  return {
    driver: await driverOf(lab, address),
    command: await commandOf(lab, address),
    held: await descriptorsOf(lab, VFIO),
  };
}

/** Waits until a condition holds. */
export async function until(holds: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until a file is there, or is gone. */
export function untilExists(lab: Lab, path: string, exists = true): Promise<void> {
  return until(async () => (await lab.evaluate((fs, file) => fs.existsSync(file), path)) === exists);
}
