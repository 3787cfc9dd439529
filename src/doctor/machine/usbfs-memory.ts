import { sizeText } from '../../text/size';
import { type Check, command } from '../check';
import { parameterPath } from '../evidence';

/** The kernel's default in MiB: drivers/usb/core/devio.c. */
const DEFAULT = 16;
const MIB = 1 << 20;

/** `usbfs_memory_mb`: memory of all transfers that are in flight on the machine. */
export const usbfsMemory: Check = {
  ids: ['usbfs-memory'],
  about: 'usbfs memory',
  *run({ tree, need }) {
    const path = parameterPath('usbcore', 'usbfs_memory_mb');
    const limit = tree.parameter('usbcore', 'usbfs_memory_mb');
    // Zero: no limit.
    if (limit === null || !/^\d+$/.test(limit) || limit === '0') return;
    const megabytes = Number(limit);
    const wanted = need.transfers;
    const blocks = wanted !== null && wanted > megabytes * MIB;
    if (!blocks && megabytes >= DEFAULT) return;
    const enough = Math.max(DEFAULT, 2 * Math.ceil((wanted ?? 0) / MIB));
    yield {
      id: 'usbfs-memory',
      severity: blocks ? 'blocks' : 'limits',
      seen: [{ path, value: limit }],
      means: `All USB transfers of the machine may have ${megabytes} MiB in flight${wanted === null ? `; the default is ${DEFAULT} MiB` : `, and these shall have ${sizeText(wanted)}`}.`,
      prevents: 'longer or more transfers at a time: ENOMEM',
      mend: [command(`echo ${enough} | sudo tee ${path}`)],
      proof: `cat ${path}`,
    };
  },
};
