import { type Check, command, firmware } from '../check';
import { containerOf } from '../container';

/** Containers, and the Windows Subsystem for Linux, which have no devices unless they are given some. */
export const surroundings: Check = {
  ids: ['wsl', 'sysfs-read-only'],
  about: 'container',
  *run({ tree }) {
    const release = tree.text('/proc/sys/kernel/osrelease') ?? '';
    if (/microsoft/i.test(release))
      yield {
        id: 'wsl',
        severity: 'limits',
        seen: [{ path: '/proc/sys/kernel/osrelease', value: release }],
        means: 'This is the Windows Subsystem for Linux: Windows has the hardware.',
        prevents: 'PCI devices; USB devices until Windows gives them away',
        mend: [{ kind: 'firmware', text: 'in Windows: usbipd attach --wsl --busid BUSID' }],
        proof: 'udrv list --type usb',
      };
    const table = tree.need('/proc/self/mountinfo');
    const line = table.split('\n').find((mount) => /^\S+ \S+ \S+ \S+ \/sys /.test(mount));
    if (line === undefined || !/^(?:\S+ ){5}ro\b/.test(line)) return;
    const isContained = containerOf(tree) !== null;
    yield {
      id: 'sysfs-read-only',
      severity: 'limits',
      seen: [{ path: '/proc/self/mountinfo', value: 'sysfs on /sys is mounted read-only' }],
      means: `Nothing can be written to sysfs here${isContained ? ': this is a container' : ''}.`,
      prevents: 'binding drivers and changing settings',
      mend: [
        isContained
          ? firmware('bind the device on the host, and give its node to the container (--device)')
          : command('sudo mount -o remount,rw /sys'),
      ],
      proof: 'grep /sys /proc/self/mountinfo',
    };
  },
};
