/** Capabilities that drivers of devices ask for, by their bits: <linux/capability.h>. */
export const CAP_IPC_LOCK = 14n;
export const CAP_SYS_RAWIO = 17n;

/**
 * Tells whether the calling process has a capability.
 *
 * @param status content of /proc/self/status
 * @returns null where it does not tell
 */
export function hasCapability(status: string, bit: bigint): boolean | null {
  const effective = /^CapEff:\s+([0-9a-f]{1,16})$/m.exec(status)?.[1];
  return effective === undefined ? null : ((BigInt(`0x${effective}`) >> bit) & 1n) === 1n;
}
