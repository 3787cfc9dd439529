import { interfaceName } from '../../usb/inspect/address';
import { USB_DEVICES } from '../../usb/inspect/inspect';
import { type Check, command, type UsbSubject } from '../check';

const authorize = (name: string) => command(`echo 1 | sudo tee ${USB_DEVICES}/${name}/authorized`);

/** Devices, and interfaces, that the kernel was told not to use. */
export const authorized: Check<UsbSubject> = {
  ids: ['not-authorized', 'interface-not-authorized'],
  about: 'authorization',
  *run({ tree, device }) {
    const { address, usb } = device;
    if (usb.authorized === false)
      yield {
        id: 'not-authorized',
        severity: 'blocks',
        seen: [{ path: `${USB_DEVICES}/${address}/authorized`, value: '0' }],
        means: 'The device is not authorized, so that the kernel does not configure it.',
        prevents: 'every transfer but those of the control endpoint',
        mend: [authorize(address)],
        proof: `cat ${USB_DEVICES}/${address}/bConfigurationValue`,
      };
    for (const number of new Set(usb.interfaces.map((intf) => intf.number))) {
      const name = interfaceName(device, number);
      const path = `${USB_DEVICES}/${name}/authorized`;
      if (tree.text(path) !== '0') continue;
      yield {
        id: 'interface-not-authorized',
        severity: 'blocks',
        seen: [{ path, value: '0' }],
        means: `Interface ${number} is not authorized, so that nobody may claim it.`,
        prevents: `transfers of interface ${number}`,
        mend: [authorize(name)],
        proof: `cat ${path}`,
      };
    }
  },
};
