import type { Check } from '../check';
import { readable } from '../evidence';

/** hub_port_connect() in drivers/usb/core/hub.c. */
const GIVEN_UP = /^usb (\S+-port\d+): unable to enumerate USB device/;

/** Ports whose device the kernel gave up on: it is in no list. */
export const enumeration: Check = {
  ids: ['enumeration-failed'],
  about: 'USB ports',
  *run({ log }) {
    const lines = readable(log).filter((line) => GIVEN_UP.test(line));
    const ports = [...new Set(lines.map((line) => GIVEN_UP.exec(line)?.[1]))];
    const last = lines.at(-1);
    if (last === undefined) return;
    yield {
      id: 'enumeration-failed',
      severity: 'note',
      seen: [{ path: 'kernel log', value: last }],
      means: `The kernel gave up on a device in ${ports.join(', ')}, which is therefore in no list.`,
      prevents: 'every use of that device',
      mend: [{ kind: 'firmware', text: 'use another cable or port, and a hub with a power supply' }],
      proof: 'udrv monitor --type usb',
    };
  },
};
