import { USB_DEVICES } from '../../usb/inspect/inspect';
import { type Check, command, type UsbSubject } from '../check';

/** Power management of a USB device. */
export const power: Check<UsbSubject> = {
  ids: ['resume-failed', 'autosuspend'],
  about: 'power',
  *run({ tree, device: { address } }) {
    const dir = `${USB_DEVICES}/${address}/power`;
    const status = tree.text(`${dir}/runtime_status`);
    const control = tree.text(`${dir}/control`);
    const seen = [
      { path: `${dir}/runtime_status`, value: status ?? 'unknown' },
      { path: `${dir}/control`, value: control ?? 'unknown' },
    ];
    const mend = [command(`echo on | sudo tee ${dir}/control`)];
    const proof = `cat ${dir}/runtime_status`;
    if (status === 'error')
      yield {
        id: 'resume-failed',
        severity: 'blocks',
        seen,
        means: 'The device did not wake up the last time.',
        prevents: 'opening it: the kernel answers EIO',
        mend: [...mend, { kind: 'firmware', text: 'pull the device out and plug it in again' }],
        proof,
      };
    else if (status === 'suspended' && control === 'auto')
      yield {
        id: 'autosuspend',
        severity: 'note',
        seen,
        means: 'The device sleeps while nobody uses it, and is woken when it is opened.',
        prevents: 'nothing, if it wakes up as it should',
        mend,
        proof,
      };
  },
};
