import { findHolders } from '../../sys/readers/holders';
import { type Check, command, type UsbSubject } from '../check';

/** Programs that have the node open: any number may, and each interface has one that claims it. */
export const holders: Check<UsbSubject> = {
  ids: ['open-elsewhere'],
  about: 'holders',
  *run({ tree, device: { address, node } }) {
    if (node === null) return;
    const others = findHolders(tree.sys, [node]).holders.filter(({ pid }) => pid !== process.pid);
    if (others.length === 0) return;
    yield {
      id: 'open-elsewhere',
      severity: 'limits',
      seen: others.map(({ pid, command: name }) => ({ path: `/proc/${pid}/fd`, value: `${node} (${name})` })),
      means: `Other programs have the device open: ${others.map(({ pid, command: name }) => `${name} (pid ${pid})`).join(', ')}. An interface that one of them has claimed is closed to others.`,
      prevents: 'claiming an interface that one of them has',
      mend: [command(`sudo kill ${[...new Set(others.map(({ pid }) => pid))].join(' ')}`)],
      proof: `udrv usb show ${address}`,
    };
  },
};
