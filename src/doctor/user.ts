import type { Evidence } from './evidence';

/** <linux/capability.h>. */
const [CAP_IPC_LOCK, CAP_SYS_RAWIO] = [14n, 17n];

/** The calling user, as far as /proc/self/status tells. */
export interface User {
  uid: number | null;
  /** Whether RLIMIT_MEMLOCK does not count; null where it is not known. */
  locksAnything: boolean | null;
  /** Whether a group without an IOMMU may be opened; null where it is not known. */
  hasRawIo: boolean | null;
}

export function readUser(tree: Evidence): User {
  const status = tree.text('/proc/self/status') ?? '';
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(status)?.[1];
  const effective = /^CapEff:\s+([0-9a-f]{1,16})$/m.exec(status)?.[1];
  const has = (bit: bigint) => (effective === undefined ? null : ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n);
  return {
    uid: uid === undefined ? null : Number(uid),
    locksAnything: has(CAP_IPC_LOCK),
    hasRawIo: has(CAP_SYS_RAWIO),
  };
}

/** Reads RLIMIT_MEMLOCK, the soft limit in bytes; null: unlimited. @throws Undecided */
export function memoryLockLimit(tree: Evidence): bigint | null {
  const soft = /^Max locked memory\s+(\d+)\s/m.exec(tree.need('/proc/self/limits'))?.[1];
  return soft === undefined ? null : BigInt(soft);
}
