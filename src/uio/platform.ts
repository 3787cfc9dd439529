import { attempt } from '../sys/attempt';
import type { SysTree } from '../sys/sys';

export const PLATFORM_DEVICES = '/sys/bus/platform/devices';

/** The drivers in Linux that make UIO devices of platform devices: drivers/uio. */
export const PLATFORM_DRIVERS: readonly string[] = ['uio_pdrv_genirq', 'uio_dmem_genirq'];

/** The `compatible` that people give nodes of a device tree for uio_pdrv_genirq, which has none of its own. */
const GENERIC = 'generic-uio';

/** Ways to give platform devices to uio_pdrv_genirq: one by driver_override, all by its parameter. */
export const PLATFORM_ADVICE = `udrv bind DEVICE uio_pdrv_genirq gives one to UIO; booting with uio_pdrv_genirq.of_id=${GENERIC} gives it all`;

/** Lists the platform devices that are meant for UIO and have no driver, sorted. */
export function driverlessForUio(sys: SysTree): string[] {
  return attempt(() => sys.readDir(PLATFORM_DEVICES), [])
    .filter((device) => isMeantForUio(sys, `${PLATFORM_DEVICES}/${device}`))
    .filter((device) => attempt(() => sys.readLink(`${PLATFORM_DEVICES}/${device}/driver`), null) === null)
    .sort();
}

function isMeantForUio(sys: SysTree, path: string): boolean {
  const text = (attribute: string) => attempt(() => sys.readFile(`${path}/${attribute}`).toString('latin1'), '');
  // A list of strings, each with its NUL.
  const compatible = text('of_node/compatible').split('\0');
  return compatible.includes(GENERIC) || PLATFORM_DRIVERS.includes(text('driver_override').trim());
}
