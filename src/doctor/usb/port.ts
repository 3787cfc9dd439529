import { USB_DEVICES } from '../../usb/inspect/inspect';
import { type Check, command, type UsbSubject } from '../check';
import type { Evidence } from '../evidence';

/** The port that a device is in: over-current, and the power that its hub has. */
export const port: Check<UsbSubject> = {
  ids: ['over-current', 'too-little-power'],
  about: 'port',
  *run({ tree, device: { address, usb }, log }) {
    const last = usb.ports.at(-1);
    if (last === undefined) return;
    const isAtRoot = usb.ports.length === 1;
    const hub = isAtRoot ? `usb${usb.bus}` : address.slice(0, address.lastIndexOf('.'));
    const name = isAtRoot ? `${usb.bus}-0:1.0` : `${hub}:1.0`;
    const path = `${USB_DEVICES}/${name}/${hub}-port${last}/over_current_count`;
    const count = tree.number(path) ?? 0;
    const message = log().findLast((line) => line.startsWith(`usb ${hub}-port${last}: over-current`));
    if (count > 0 || message !== undefined)
      yield {
        id: 'over-current',
        severity: 'limits',
        seen: [
          ...(count > 0 ? [{ path, value: String(count) }] : []),
          ...(message === undefined ? [] : [{ path: 'kernel log', value: message }]),
        ],
        means: 'The port switched its power off, because more current flowed than it gives.',
        prevents: 'steady work: the device vanishes and comes back',
        mend: [{ kind: 'firmware', text: 'use another cable or port, or a hub with a power supply' }],
        proof: `cat ${path}`,
      };
    const [wants, has] = [milliamperes(tree, address), isBusPowered(tree, hub)];
    if (!isAtRoot && has && wants !== null && wants > PORT_OF_BUS_POWERED)
      yield {
        id: 'too-little-power',
        severity: 'limits',
        seen: [
          { path: `${USB_DEVICES}/${address}/bMaxPower`, value: `${wants}mA` },
          { path: `${USB_DEVICES}/${hub}/bmAttributes`, value: 'powered by the bus' },
        ],
        means: `The device may draw ${wants} mA, and a hub without a power supply gives ${PORT_OF_BUS_POWERED} mA.`,
        prevents: 'steady work, or any configuration at all',
        mend: [
          { kind: 'firmware', text: 'use a port of the machine, or a hub with a power supply' },
          setAnyway(address),
        ],
        proof: `cat ${USB_DEVICES}/${address}/bConfigurationValue`,
      };
  },
};

/** USB 2.0, section 7.2.1.1: one unit load for each port. */
const PORT_OF_BUS_POWERED = 100;

const setAnyway = (address: string) => command(`udrv usb config ${address} 1`);

function milliamperes(tree: Evidence, address: string): number | null {
  const text = /^(\d+)mA$/.exec(tree.text(`${USB_DEVICES}/${address}/bMaxPower`) ?? '')?.[1];
  return text === undefined ? null : Number(text);
}

/** Bit 6 of bmAttributes is for a power supply of its own: USB 2.0, table 9-10. */
function isBusPowered(tree: Evidence, hub: string): boolean {
  const attributes = tree.hex(`${USB_DEVICES}/${hub}/bmAttributes`, 2);
  return attributes !== null && (Number.parseInt(attributes, 16) & 0x40) === 0;
}
