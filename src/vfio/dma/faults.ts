import { hexDigits } from '../../text/hex';

/**
 * Reports in the kernel log of DMA that an IOMMU stopped. Pure: lines in, faults out.
 *
 * A line is never needed for a verdict: the kernel limits their rate, leaves repeats out ("not recorded due to
 * compression") and prints them later than the fault. Those that come tell the address, and why it was refused.
 */

export interface DmaFault {
  iommu: 'intel' | 'amd' | 'smmuv3' | 'virtio';
  /**
   * PCI address as the line has it: without a domain in Intel's lines and where it comes from a stream id; null where the
   * line has only a number that the firmware chose.
   */
  device: string | null;
  address: bigint;
  access: 'read' | 'write' | null;
  /** In the kernel's words, or the event's name. */
  reason: string;
}

/**
 * dmar_fault_do_one(), drivers/iommu/intel/dmar.c. `PASID ffffffff` and numbers without 0x before 5.14, `0x` in the
 * device for 5.14's first versions.
 */
const INTEL =
  /DMAR: ?\[DMA (Read|Write)(?: NO_PASID| PASID 0x[0-9a-f]+)?\] Request device \[([0-9a-fx:.]+)\](?: PASID [0-9a-f]+)? fault addr (?:0x)?([0-9a-f]{1,16}) *\[fault reason (?:0x)?([0-9a-f]{1,2})\] ?(.*)/i;

/** amd_iommu_report_page_fault(), drivers/iommu/amd/iommu.c: the device is in the line's prefix, or in the event. */
const AMD =
  /(?:([0-9a-f:.]+): )?AMD-Vi: Event logged \[IO_PAGE_FAULT (?:device=([0-9a-f:.]+) )?(?:domain|pasid)=0x[0-9a-f]+ address=0x([0-9a-f]{1,16}) flags=0x([0-9a-f]{1,4})/i;
/** RW of the event's flags, AMD I/O Virtualization Technology Specification, IO_PAGE_FAULT. */
const AMD_WRITE = 0x20;
/** PR: there was an entry, and the right was missing. */
const AMD_PRESENT = 0x10;

/** arm_smmu_dump_raw_event(): a heading, then four words of 64 bits. */
const SMMU_EVENT = /arm-smmu-v3 [^ ]+: event 0x([0-9a-f]{2}) received:/;
const SMMU_WORD = /arm-smmu-v3 [^ ]+:\s+0x([0-9a-f]{16})$/;
/** arm_smmu_dump_event(), since 6.14 after the words. */
const SMMU_NAMED =
  /arm-smmu-v3 [^ ]+: event: (F_[A-Z_]+) client: ([^ ]+) sid: 0x([0-9a-f]+).*? iova: 0x([0-9a-f]{1,16})/;
const SMMU_ACCESS = /arm-smmu-v3 [^ ]+: (?:un)?priv (?:data|inst) (read|write) /;

/** Events that carry the address of an access: Arm SMMU architecture version 3, section 7.3. */
const SMMU_EVENTS: Record<number, string> = {
  16: 'F_TRANSLATION',
  17: 'F_ADDR_SIZE',
  18: 'F_ACCESS',
  19: 'F_PERMISSION',
};
/** RnW, bit 35 of the second word. */
const SMMU_READ = 1n << 35n;

/** viommu_fault_handler(), drivers/iommu/virtio-iommu.c. The letters are R, W and X, those that apply. */
const VIRTIO = /: (domain|page|unknown) fault from EP (\d{1,10}) at 0x([0-9a-f]{1,16}) \[(R?)(W?)X?\]/;

/** Returns the faults in lines of the kernel log, oldest first. */
export function parseFaults(lines: readonly string[]): DmaFault[] {
  const faults: DmaFault[] = [];
  for (const [i, line] of lines.entries()) {
    const named = SMMU_NAMED.exec(line);
    if (named !== null) {
      const fault = smmuNamed(named, lines[i + 1] ?? '');
      // The words above describe the same event.
      const last = faults.at(-1);
      if (last?.iommu === 'smmuv3' && last.address === fault.address && last.reason === fault.reason) faults.pop();
      faults.push(fault);
      continue;
    }
    const fault = intel(line) ?? amd(line) ?? virtio(line) ?? smmuRaw(lines, i);
    if (fault !== null) faults.push(fault);
  }
  return faults;
}

/** Tells whether a fault is this function's and lies within `length` bytes from `address`. */
export function faultIsOf(fault: DmaFault, device: string, address: bigint, length: number | bigint): boolean {
  const named = fault.device;
  // Without a domain it fits any: the address decides, which no other device was given.
  const same = named === null || named === device || device.endsWith(`:${named}`);
  return same && fault.address >= address && fault.address < address + BigInt(length);
}

function intel(line: string): DmaFault | null {
  const match = INTEL.exec(line);
  if (match === null) return null;
  const [, access = '', device = '', address = '', number = '', text = ''] = match;
  return {
    iommu: 'intel',
    device: device.replaceAll('0x', '').toLowerCase(),
    address: BigInt(`0x${address}`),
    access: access.toLowerCase() === 'read' ? 'read' : 'write',
    reason: `reason 0x${number.padStart(2, '0')}${text === '' ? '' : `, ${text.trim()}`}`,
  };
}

function amd(line: string): DmaFault | null {
  const match = AMD.exec(line);
  if (match === null) return null;
  const [, prefix, device, address = '', flags = ''] = match;
  const bits = Number.parseInt(flags, 16);
  return {
    iommu: 'amd',
    device: device ?? prefix ?? null,
    address: BigInt(`0x${address}`),
    access: (bits & AMD_WRITE) !== 0 ? 'write' : 'read',
    reason: `IO_PAGE_FAULT, ${(bits & AMD_PRESENT) !== 0 ? 'no right' : 'no mapping'} (flags 0x${flags})`,
  };
}

function virtio(line: string): DmaFault | null {
  const match = VIRTIO.exec(line);
  if (match === null) return null;
  const [, reason = '', endpoint = '', address = '', read = '', write = ''] = match;
  return {
    iommu: 'virtio',
    device: null,
    address: BigInt(`0x${address}`),
    access: write !== '' ? 'write' : read !== '' ? 'read' : null,
    reason: `${reason} fault from endpoint ${endpoint}`,
  };
}

function smmuRaw(lines: readonly string[], index: number): DmaFault | null {
  const heading = SMMU_EVENT.exec(lines[index] ?? '');
  const reason = SMMU_EVENTS[Number.parseInt(heading?.[1] ?? '', 16)];
  if (reason === undefined) return null;
  const words = [1, 2, 3].map((i) => SMMU_WORD.exec(lines[index + i] ?? '')?.[1]);
  const [first, second, third] = words;
  if (first === undefined || second === undefined || third === undefined) return null;
  return {
    iommu: 'smmuv3',
    device: functionOf(BigInt(`0x${first}`) >> 32n),
    address: BigInt(`0x${third}`),
    access: (BigInt(`0x${second}`) & SMMU_READ) !== 0n ? 'read' : 'write',
    reason,
  };
}

function smmuNamed([, reason = '', client = '', sid = '', iova = '']: RegExpExecArray, next: string): DmaFault {
  const access = SMMU_ACCESS.exec(next)?.[1];
  return {
    iommu: 'smmuv3',
    device: /^[0-9a-f]{4,}:/.test(client) ? client : functionOf(BigInt(`0x${sid}`)),
    address: BigInt(`0x${iova}`),
    access: access === 'read' || access === 'write' ? access : null,
    reason,
  };
}

/** Takes a stream id for a requester id, as most machines do; null where it cannot be one: firmware may map it to anything. */
function functionOf(streamId: bigint): string | null {
  if (streamId > 0xffffn) return null;
  const id = Number(streamId);
  return `${hexDigits(id >> 8, 2)}:${hexDigits((id >> 3) & 0x1f, 2)}.${id & 7}`;
}
