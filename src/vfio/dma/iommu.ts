import { Exit, type ExitCode, errnoMessage, type SysError, UdrvError } from '../../errors';
import { attempt } from '../../sys/attempt';
import type { SysTree } from '../../sys/sys';
import { hex } from '../../text/hex';

/** Addresses as a device sees them, `end` inclusive. */
export interface IovaRange {
  start: bigint;
  end: bigint;
}

export interface IommuInfo {
  /** In bytes, ascending. The smallest is what addresses and lengths of mappings must be multiples of. */
  pageSizes: bigint[];
  /** Where mappings can be, ascending. */
  ranges: IovaRange[];
  /** Mappings that can still be made; null where there is no such limit, or the kernel does not tell. */
  dmaAvail: number | null;
}

/** What the device may do with a mapping. */
export interface DmaAccess {
  read: boolean;
  write: boolean;
}

/** Memory that the device is let reach, and not. */
export interface DmaMapping {
  /** As {@link Iommu.map}. */
  map(): void;
  /** As {@link Iommu.unmap}. */
  unmap(): number;
}

/**
 * What an opened device's DMA can reach. Nothing, until it is mapped; but with `noiommu` there is nothing that would
 * hold the device back, and nothing can be mapped.
 *
 * Errors are a UdrvError with the kernel's errno as code, whose message says which rule was broken.
 */
export interface Iommu {
  readonly kind: 'type1' | 'iommufd' | 'noiommu';
  info(): IommuInfo;
  /**
   * Lets the device reach memory under an address of its own. The kernel pins the memory: it must stay allocated until
   * it is unmapped.
   *
   * @param iova, memory.address and length are multiples of the smallest page size
   * @throws exit 2 where the request breaks a rule, exit 4 where RLIMIT_MEMLOCK forbids it
   */
  map(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): void;
  /** A {@link map} and its {@link unmap} that are done again and again: what the kernel reads is written once. */
  mapping(iova: bigint, memory: { address: bigint }, length: number | bigint, access: DmaAccess): DmaMapping;
  /**
   * @returns the bytes that were unmapped
   * @throws where the range cuts a mapping; type1 returns 0 for a range without a mapping, iommufd throws ENOENT
   */
  unmap(iova: bigint, length: number | bigint): number;
  unmapAll(): void;
}

/** A mapping that the kernel refused. */
export interface MapRequest {
  iova: bigint;
  vaddr: bigint;
  length: bigint;
  access: DmaAccess;
}

/** Which rule of mapping a request broke, from the errno and what can be found out besides. */
export function mapError(
  sys: SysTree,
  device: string,
  iommu: Pick<Iommu, 'kind' | 'info'>,
  { iova, vaddr, length, access }: MapRequest,
  mapped: bigint,
  error: SysError,
): UdrvError {
  const at = `IOVA ${hex(iova)}+${hex(length)}`;
  const explain = (message: string, exit: ExitCode, hint?: string) =>
    new UdrvError(message, { code: error.code, exit, subject: `${device} ${at}`, hint, device });
  switch (error.code) {
    case 'ENOMEM': {
      const limit = lockLimit(sys);
      if (limit === null) return explain('the kernel has no memory to map it', Exit.failed);
      return explain(
        `RLIMIT_MEMLOCK is too small: ${limit} bytes may be locked, ${mapped} are mapped and ${length} more were asked for`,
        Exit.permission,
        'raise it (ulimit -l, LimitMEMLOCK= of a systemd unit, or memlock in /etc/security/limits.conf), or run as root',
      );
    }
    case 'ENOSPC':
      return explain(
        'the limit of mappings is reached',
        Exit.failed,
        'make fewer, larger mappings, or raise the dma_entry_limit of vfio_iommu_type1',
      );
    case 'EEXIST':
      return explain('overlaps what is mapped already', Exit.failed, 'unmap that first, or choose another IOVA');
    case 'EFAULT':
      return explain(
        `the memory at ${hex(vaddr)} cannot be pinned`,
        Exit.failed,
        iommu.kind === 'iommufd' ? 'it must be allocated; iommufd refuses device memory' : 'it must be allocated',
      );
    case 'EPERM':
      return explain('the memory may not be written, and so not be mapped for the device to write', Exit.permission);
    case 'EINVAL':
    case 'EOVERFLOW':
    case 'EADDRINUSE': {
      const rule = brokenRule(iommu.info(), { iova, vaddr, length, access });
      return rule === null
        ? explain(errnoMessage(error.code), Exit.failed)
        : explain(rule.message, Exit.usage, rule.hint);
    }
    default:
      return explain(errnoMessage(error.code), error.code === 'ENOTTY' ? Exit.unsupported : Exit.failed);
  }
}

/** Unmapping that the kernel refused: type1 says EINVAL where a mapping would be cut, iommufd ENOENT for that and for nothing. */
export function unmapError(device: string, iova: bigint, length: bigint, error: SysError): UdrvError {
  const message =
    error.code === 'ENOENT'
      ? 'is not mapped, or is part of a larger mapping'
      : error.code === 'EINVAL'
        ? 'is part of a larger mapping, or no multiple of the page size'
        : errnoMessage(error.code);
  return new UdrvError(message, {
    code: error.code,
    exit: Exit.failed,
    subject: `${device} IOVA ${hex(iova)}+${hex(length)}`,
    hint: 'unmap what was mapped, with the same IOVA and length',
    device,
  });
}

/** The rule of VFIO_IOMMU_MAP_DMA and IOMMU_IOAS_MAP that a request breaks by itself, null where none. */
function brokenRule(
  { pageSizes, ranges }: IommuInfo,
  { iova, vaddr, length, access }: MapRequest,
): { message: string; hint?: string } | null {
  if (length <= 0n) return { message: 'a mapping of no length' };
  if (!access.read && !access.write) return { message: 'the device must be let read, write or both' };
  const [page] = pageSizes;
  for (const [name, value] of [['IOVA', iova] as const, ['length', length] as const, ['memory', vaddr] as const])
    if (page !== undefined && value % page !== 0n)
      return { message: `${name} ${hex(value)} is not a multiple of the page size, ${hex(page)}` };
  const end = iova + length - 1n;
  if (ranges.some((range) => iova >= range.start && end <= range.end)) return null;
  const shown = rangesText(ranges);
  return {
    message: `outside the IOVA ranges of this device: ${shown}`,
    hint: 'a hole below 4G is where interrupts (MSI) are written; the upper end is how many address bits the IOMMU has',
  };
}

export function rangesText(ranges: readonly IovaRange[]): string {
  return ranges.length === 0 ? 'none' : ranges.map(({ start, end }) => `${hex(start)}-${hex(end)}`).join(', ');
}

/** Bits of capability.h. */
const CAP_IPC_LOCK = 14n;

/** What this process may lock, in bytes; null where there is no limit for it, or it cannot be found out. */
function lockLimit(sys: SysTree): bigint | null {
  const capabilities = /^CapEff:\s*([0-9a-f]{1,16})$/m.exec(textOf(sys, '/proc/self/status'))?.[1];
  if (capabilities !== undefined && ((BigInt(`0x${capabilities}`) >> CAP_IPC_LOCK) & 1n) === 1n) return null;
  const soft = /^Max locked memory\s+(\d+)\s/m.exec(textOf(sys, '/proc/self/limits'))?.[1];
  return soft === undefined ? null : BigInt(soft);
}

function textOf(sys: SysTree, path: string): string {
  return attempt(() => sys.readFile(path).toString('latin1'), '');
}
