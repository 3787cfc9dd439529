import type { Driver } from '../kernel/bus';
import type { PciFunction } from '../pci/function';
import type { UioCore } from './core';

const INT_ENABLE = 0xfc;
const INT_ENABLED = 0x10;
const INT_MASK = 0x2e;
const INT_MASK_ALL = 0x3f;
const INTERRUPT = 0xfe;
const INTERRUPT_ENABLED_AND_ASSERTED = 0x09;
const MAILBOX = 0x0f;

/**
 * drivers/uio/uio_aec.c: the one driver of the kernel with a port region. It takes the interrupt back itself, so that
 * nobody has to acknowledge or re-arm; the card gives the next one after a write of 0 to port 0x2f.
 */
export function uioAec(uio: UioCore): Driver<PciFunction> {
  return {
    name: 'aectc',
    matches: (fn) => fn.config.read(0, 4) === 0x6250aecb,
    probe(fn) {
      fn.enable();
      const bar = fn.bars[0];
      if (bar === undefined) throw new RangeError(`${fn.name} has no BAR`);
      const card = fn.bar(bar);
      const device = uio.register(fn.path, {
        name: 'aectc',
        version: '0.0.1',
        irq: fn.irq,
        maps: [],
        ports: [{ name: '', start: bar.address, size: bar.size, type: 'gpio' }],
        handler: () => {
          const flags = Number(card.read(INTERRUPT, 1)) & INTERRUPT_ENABLED_AND_ASSERTED;
          if (flags !== INTERRUPT_ENABLED_AND_ASSERTED) return false;
          card.read(MAILBOX, 1);
          return true;
        },
      });
      card.write(INT_ENABLE, 4, INT_ENABLED);
      card.write(INT_MASK, 1, INT_MASK_ALL);
      return () => {
        card.write(INT_MASK, 1, 0);
        card.write(INT_ENABLE, 4, 0);
        card.read(MAILBOX, 1);
        uio.unregister(device);
        fn.disable();
      };
    },
  };
}
