import { USB_DEVICES } from '../../usb/inspect/inspect';
import { splitDescriptors } from '../../usb/split-descriptors';
import type { Check, UsbSubject } from '../check';

/** A device that could go faster than it does. */
export const speed: Check<UsbSubject> = {
  ids: ['slower-than-possible'],
  about: 'speed',
  *run({ tree, device: { address, usb } }) {
    const bos = tree.bytes(`${USB_DEVICES}/${address}/bos_descriptors`);
    if (bos === null || usb.speedMbps === null || usb.ports.length === 0) return;
    const best = fastest(bos);
    if (best === null || best <= usb.speedMbps) return;
    yield {
      id: 'slower-than-possible',
      severity: 'note',
      seen: [
        { path: `${USB_DEVICES}/${address}/speed`, value: String(usb.speedMbps) },
        { path: `${USB_DEVICES}/${address}/bos_descriptors`, value: `${best} Mbit/s` },
      ],
      means: `The device can do ${best} Mbit/s, and runs at ${usb.speedMbps}: the port, the cable or a hub on the way does no more.`,
      prevents: 'its full speed',
      mend: [{ kind: 'firmware', text: 'use a port, a cable and hubs of that speed' }],
      proof: `cat ${USB_DEVICES}/${address}/speed`,
    };
  },
};

/** bDescriptorType, bDevCapabilityType and the bit of 5 Gbit/s in wSpeedsSupported: USB 3.2, section 9.6.2.2. */
const [CAPABILITY, SUPERSPEED, GEN1] = [0x10, 0x03, 1 << 3];

/** Returns the speed of a SuperSpeed device in Mbit/s. That of SuperSpeedPlus depends on its lanes, and is not judged. */
function fastest(bos: Buffer): number | null {
  const found = splitDescriptors(bos).descriptors.find(
    ({ bDescriptorType, bytes }) => bDescriptorType === CAPABILITY && bytes.length >= 10 && bytes[2] === SUPERSPEED,
  );
  return found !== undefined && (found.bytes.readUInt16LE(4) & GEN1) !== 0 ? 5000 : null;
}
