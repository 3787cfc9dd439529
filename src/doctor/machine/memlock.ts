import { sizeText } from '../../text/size';
import { type Check, command } from '../check';
import { memoryLockLimit, readUser } from '../user';

/** Less than a driver needs for its queues and the first buffers. */
const LEAST = 1n << 20n;
/** The kernel's default is 8 MiB, which large buffers soon exceed. */
const PLENTY = 64n << 20n;

/** RLIMIT_MEMLOCK of a user whose mapped memory counts: type1 and iommufd waive it for CAP_IPC_LOCK alone. */
export const memlock: Check = {
  ids: ['memlock-too-small', 'memlock-small'],
  about: 'memory limit',
  *run({ tree, need }) {
    if (readUser(tree).locksAnything === true) return;
    const limit = memoryLockLimit(tree);
    if (limit === null) return;
    const wanted = need.memory === null ? null : BigInt(need.memory);
    const blocks = limit < (wanted ?? LEAST);
    if (!blocks && (wanted !== null || limit >= PLENTY)) return;
    const kilobytes = wanted === null ? 'unlimited' : String((wanted + 1023n) / 1024n);
    yield {
      id: blocks ? 'memlock-too-small' : 'memlock-small',
      severity: blocks ? 'blocks' : 'note',
      seen: [{ path: '/proc/self/limits', value: `Max locked memory ${sizeText(limit)}` }],
      means: `This user may lock ${sizeText(limit)} of memory${wanted === null ? '' : `, and ${sizeText(wanted)} shall be mapped`}: memory that is mapped for DMA is locked.`,
      prevents: 'mapping more than that for DMA: ENOMEM',
      mend: [
        // The shell and what it starts, this command's proof too, have the new limit.
        command(`sudo prlimit --pid $$ --memlock=${wanted === null ? 'unlimited' : wanted}`),
        command(`echo "$USER - memlock ${kilobytes}" | sudo tee /etc/security/limits.d/udrv.conf`),
      ],
      proof: 'ulimit -l',
    };
  },
};
