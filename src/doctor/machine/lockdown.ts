import { bootWithout, type Check, firmware } from '../check';

const LOCKDOWN = '/sys/kernel/security/lockdown';
/** A variable of the firmware: four bytes of attributes, then 1 where it is on (UEFI 2.10, section 3.3). */
const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** Kernel lockdown, which Secure Boot switches on in many distributions. */
export const lockdown: Check = {
  ids: ['lockdown'],
  about: 'lockdown',
  *run({ tree, device }) {
    const mode = /\[(\w+)\]/.exec(tree.text(LOCKDOWN) ?? '')?.[1];
    if (mode === undefined || mode === 'none') return;
    const asked = (tree.text('/proc/cmdline') ?? '').split(/\s+/).filter((word) => word.startsWith('lockdown='));
    const secure = tree.bytes(SECURE_BOOT)?.[4] === 1;
    yield {
      id: 'lockdown',
      severity: device?.framework === 'uio' ? 'limits' : 'note',
      seen: [
        { path: LOCKDOWN, value: mode },
        ...asked.map((value) => ({ path: '/proc/cmdline', value })),
        ...(secure ? [{ path: SECURE_BOOT, value: 'on' }] : []),
      ],
      means: `The kernel is locked down (${mode})${secure ? ', as it is after Secure Boot' : ''}.`,
      prevents: 'mapping BARs and writing configuration space through sysfs; nodes of UIO, VFIO and usbfs work',
      mend: [...asked.map(bootWithout), ...(secure ? [firmware('switch Secure Boot off in the firmware setup')] : [])],
      proof: `cat ${LOCKDOWN}`,
    };
  },
};
