import { from } from '../hardware/region';
import type { Driver } from '../kernel/bus';
import type { Kernel } from '../kernel/kernel';
import type { PciBar } from '../pci/bar';
import type { PciFunction } from '../pci/function';
import type { UioCore, UioMap } from './core';

const MAX_MAPS = 5;

/**
 * drivers/uio/uio_pci_generic.c: any function, by driver_override alone. Its handler can only mask INTx, by Interrupt
 * Disable in the command register, because it does not know how the device is acknowledged; there is no irqcontrol.
 */
export function uioPciGeneric(kernel: Kernel, uio: UioCore): Driver<PciFunction> {
  return {
    name: 'uio_pci_generic',
    matches: () => false,
    probe(fn) {
      fn.enable();
      const device = uio.register(fn.path, {
        name: 'uio_pci_generic',
        version: '0.01.0',
        irq: fn.config.interruptPin === 0 ? null : fn.irq,
        maps: maps(kernel, fn),
        ports: [],
        handler: () => fn.checkAndMaskIntx(),
        // Every close of a descriptor does it, not only the last.
        release: () => fn.clearMaster(),
      });
      return () => {
        uio.unregister(device);
        fn.disable();
      };
    },
  };
}

/** Lists the 32-bit memory BARs that are not prefetchable, among the first five; ports are left out. */
function maps(kernel: Kernel, fn: PciFunction): UioMap[] {
  return fn.bars
    .filter(({ index, io, wide, prefetchable }) => index < MAX_MAPS && !io && !wide && !prefetchable)
    .map((bar) => map(kernel, fn, bar));
}

function map(kernel: Kernel, fn: PciFunction, bar: PciBar): UioMap {
  const offset = bar.address % kernel.pageSize;
  return {
    name: fn.name,
    address: bar.address - offset,
    offset,
    size: kernel.pages(offset + bar.size),
    region: from(kernel.log.of(fn.name, `bar${bar.index}`, fn.bar(bar)), -offset),
  };
}
