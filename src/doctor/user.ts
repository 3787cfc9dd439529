import { CAP_IPC_LOCK, CAP_SYS_RAWIO, hasCapability } from '../sys/readers/capabilities';
import type { Evidence } from './evidence';

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
  return {
    uid: uid === undefined ? null : Number(uid),
    locksAnything: hasCapability(status, CAP_IPC_LOCK),
    hasRawIo: hasCapability(status, CAP_SYS_RAWIO),
  };
}

/** Reads RLIMIT_MEMLOCK, the soft limit in bytes; null: unlimited. @throws Undecided */
export function memoryLockLimit(tree: Evidence): bigint | null {
  const soft = /^Max locked memory\s+(\d+)\s/m.exec(tree.need('/proc/self/limits'))?.[1];
  return soft === undefined ? null : BigInt(soft);
}
