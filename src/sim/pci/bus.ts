import { posix } from 'node:path';
import { Bus, type Driver } from '../kernel/bus';
import { Errno } from '../kernel/errno';
import type { Kernel } from '../kernel/kernel';
import { parseBars } from './bar';
import { PciFunction } from './function';
import { installPciAttributes } from './sysfs';

const DEVICES = '/sys/bus/pci/devices';

/**
 * Makes the bus with every PCI function of the base: configuration space, BARs, binding, removal. No driver is bound
 * yet.
 */
export function pciBus(kernel: Kernel, drivers: readonly Driver<PciFunction>[]): Bus<PciFunction> {
  const bus = new Bus<PciFunction>(kernel, 'pci');
  for (const driver of drivers) bus.addDriver(driver);
  for (const name of kernel.tree.readDir(DEVICES)) {
    const path = posix.resolve(DEVICES, kernel.tree.readLink(`${DEVICES}/${name}`));
    const fn = new PciFunction(name, path, kernel.bytes(`${path}/config`), parseBars(kernel.text(`${path}/resource`)));
    bus.addDevice(fn);
    // A driver that is modelled enables it in its probe; the others did so at boot.
    if (bus.bootDriver(fn) === undefined) fn.enabled = Number(kernel.text(`${path}/enable`));
    installPciAttributes(kernel, fn, () => bus.has(fn));
    kernel.attribute(`${path}/enable`, {
      show: () => String(fn.enabled),
      store: (text) => enable(bus, fn, text),
    });
    kernel.attribute(`${path}/remove`, {
      store: (text) => {
        if (number(text) !== 0) bus.remove(fn);
      },
    });
  }
  return bus;
}

/** enable_store() */
function enable(bus: Bus<PciFunction>, fn: PciFunction, text: string): void {
  const value = number(text);
  if (bus.hasDriver(fn)) throw new Errno('EBUSY');
  if (value !== 0) fn.enable();
  else if (fn.enabled > 0) fn.disable();
  else throw new Errno('EIO');
}

/** kstrtoul() with base 0, without octal numbers. */
function number(text: string): number {
  const digits = text.replace(/\n$/, '');
  if (!/^(0x[0-9a-f]+|\d+)$/i.test(digits)) throw new Errno('EINVAL');
  return Number(digits);
}
