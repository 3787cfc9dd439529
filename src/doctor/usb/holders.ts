import { findHolders, type Holder } from '../../sys/readers/holders';
import { type Check, command, type Finding, type UsbSubject } from '../check';
import { mustBeComplete } from '../uses';

/** Programs that have the node open: any number may, and each interface has one that claims it. */
export const holders: Check<UsbSubject> = {
  ids: ['open-elsewhere'],
  about: 'holders',
  *run({ tree, device: { address, node } }) {
    if (node === null) return;
    const { holders: found, complete } = findHolders(tree.sys, [node]);
    const others = found.filter(({ pid }) => pid !== process.pid);
    if (others.length > 0) yield openElsewhere(address, node, others);
    mustBeComplete(tree, complete ? [] : ["other users' processes"]);
  },
};

function openElsewhere(address: string, node: string, others: readonly Holder[]): Finding {
  return {
    id: 'open-elsewhere',
    severity: 'limits',
    seen: others.map(({ pid, command: name }) => ({ path: `/proc/${pid}/fd`, value: `${node} (${name})` })),
    means: `Other programs have the device open: ${others.map(({ pid, command: name }) => `${name} (pid ${pid})`).join(', ')}. An interface that one of them has claimed is closed to others.`,
    prevents: 'claiming an interface that one of them has',
    mend: [command(`sudo kill ${[...new Set(others.map(({ pid }) => pid))].join(' ')}`)],
    proof: `udrv usb show ${address}`,
  };
}
