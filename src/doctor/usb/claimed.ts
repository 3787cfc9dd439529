import { interfaceName } from '../../usb/inspect/address';
import { USB_DEVICES } from '../../usb/inspect/inspect';
import { type Check, command, type UsbSubject } from '../check';
import { mendOf } from '../uses';

/** Drivers of the kernel on interfaces, and the programs that they bring along. */
export const claimed: Check<UsbSubject> = {
  ids: ['disk-in-use', 'interface-up', 'interface-claimed', 'claimed-by-program'],
  about: 'interface drivers',
  *run({ tree, device, log }) {
    const { address, usb } = device;
    // Loaded where it is needed, as in uses.ts.
    const { findUses } = require('../../bind/in-use/uses') as typeof import('../../bind/in-use/uses');
    const { uses } = findUses(tree.sys, [address]);
    const mine = uses.filter(({ kind }) => kind === 'storage' || kind === 'network');
    if (mine.some(({ kind }) => kind === 'storage')) tree.need('/proc/self/mountinfo');
    const [use] = mine;
    if (use !== undefined)
      yield {
        id: use.kind === 'storage' ? 'disk-in-use' : 'interface-up',
        severity: 'limits',
        seen: mine.map(({ what }) => ({ path: `${USB_DEVICES}/${address}`, value: what })),
        means: `The device is in use: ${mine.map(({ what }) => what).join('; ')}.`,
        prevents: 'taking its interface from the driver (--detach)',
        mend: mendOf(mine),
        proof: null,
      };
    const driven = usb.interfaces.filter(({ active, driver }) => active && driver !== null && driver !== 'usbfs');
    for (const { number, driver } of driven) {
      const name = interfaceName(device, number);
      if (driver === 'hub') continue;
      yield {
        id: 'interface-claimed',
        severity: 'limits',
        seen: [{ path: `${USB_DEVICES}/${name}/driver`, value: driver ?? '' }],
        means: `The kernel's driver ${driver} has interface ${number}${companionOf(driver)}.`,
        prevents: `transfers of interface ${number}, unless --detach takes it for their time`,
        mend: [command(`udrv usb detach ${name}`)],
        proof: `udrv usb show ${address}`,
      };
    }
    const stolen = log().findLast((line) => BRLTTY.test(line) && line.startsWith(`usb ${address}: `));
    if (stolen !== undefined)
      yield {
        id: 'claimed-by-program',
        severity: 'limits',
        seen: [{ path: 'kernel log', value: stolen }],
        means: 'The program brltty, for Braille displays, takes this kind of serial adapter from its driver.',
        prevents: 'its serial port, and claiming its interface',
        mend: [command('sudo systemctl mask --now brltty-udev.service brltty.service')],
        proof: `udrv usb show ${address}`,
      };
  },
};

const BRLTTY = /interface \d+ claimed by \S+ while 'brltty' sets config/;

const SERIAL = new Set(['cdc_acm', 'option', 'qcserial', 'cp210x', 'ftdi_sio', 'ch341', 'pl2303', 'usb_serial_simple']);

function companionOf(driver: string | null): string {
  return driver !== null && SERIAL.has(driver)
    ? '; ModemManager, where it runs, opens its port for the first seconds to find modems'
    : '';
}
