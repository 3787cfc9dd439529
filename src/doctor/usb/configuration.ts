import { USB_DEVICES } from '../../usb/inspect/inspect';
import { type Check, command, type UsbSubject } from '../check';

/** A device that is not configured: it has its control endpoint alone. */
export const configuration: Check<UsbSubject> = {
  ids: ['not-configured'],
  about: 'configuration',
  *run({ tree, device: { address, usb } }) {
    // Not authorized: that is the cause, and mends both.
    if (usb.configuration !== null || usb.authorized === false) return;
    const path = `${USB_DEVICES}/${address}/bConfigurationValue`;
    const value = tree.need(path);
    const first = tree.bytes(`${USB_DEVICES}/${address}/descriptors`)?.[DEVICE_LENGTH + CONFIGURATION_VALUE] ?? 1;
    yield {
      id: 'not-configured',
      severity: 'blocks',
      seen: [{ path, value: value === '' ? 'empty' : value }],
      means: 'The device is not configured: it has no interface and no endpoint but the control endpoint.',
      prevents: 'every transfer but those of the control endpoint',
      mend: [command(`udrv usb config ${address} ${first}`), command(`echo ${first} | sudo tee ${path}`)],
      proof: `cat ${path}`,
    };
  },
};

/** Bytes of the device descriptor, and the place of bConfigurationValue in the one behind it: USB 2.0, section 9.6. */
const [DEVICE_LENGTH, CONFIGURATION_VALUE] = [18, 5];
