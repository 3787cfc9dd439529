import { USB_DEVICES } from '../../usb/inspect/inspect';
import { udevRule } from '../../usb/inspect/udev-rule';
import type { Check, UsbSubject } from '../check';
import { nodeFindings } from '../node-findings';

const RULES = '/etc/udev/rules.d/70-udrv.rules';

/** The node of a USB device. */
export const node: Check<UsbSubject> = {
  ids: ['node-missing', 'node-closed'],
  about: 'node',
  *run({ tree, device }) {
    if (device.node === null) return;
    tree.list('/dev');
    const rule = `echo '${udevRule(device)}' | sudo tee -a ${RULES} && sudo udevadm control --reload && sudo udevadm trigger ${USB_DEVICES}/${device.address}`;
    const own = { path: device.node, directory: `${USB_DEVICES}/${device.address}` };
    yield* nodeFindings(tree, device, [own], `udrv show ${device.address}`, rule);
  },
};
