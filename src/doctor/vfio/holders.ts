import { holdersOf, namesOf } from '../../vfio/inspect/holders';
import { type Check, command, type FunctionSubject } from '../check';
import { mustBeComplete } from '../uses';

/** Processes that have the device or its group open: it has one opener at a time. */
export const holders: Check<FunctionSubject> = {
  ids: ['held'],
  about: 'holders',
  *run({ tree, device }) {
    if (device.framework !== 'vfio') return;
    const { others, complete } = holdersOf(tree.sys, device);
    const [first] = others;
    if (first !== undefined)
      yield {
        id: 'held',
        severity: 'blocks',
        seen: others.map(({ pid, node, command: name }) => ({ path: `/proc/${pid}/fd`, value: `${node} (${name})` })),
        means: `Another program has it: ${namesOf(others)}. A group and a device have one opener at a time.`,
        prevents: 'opening it: the kernel answers EBUSY',
        mend: [command(`sudo kill ${[...new Set(others.map(({ pid }) => pid))].join(' ')}`)],
        proof: `udrv vfio info ${device.address}`,
      };
    mustBeComplete(tree, complete ? [] : ["other users' processes"]);
  },
};
