import { SysError, UdrvError } from '../../errors';
import type { Sys } from '../../sys/sys';
import { hex } from '../../text/hex';
import { sizeText } from '../../text/size';
import type { DmaAccess, Iommu, IovaRange } from '../dma/iommu';
import { IovaAllocator } from '../dma/iova';
import { rangesText } from '../dma/map-rules';
import type { Check, Finding } from './tier';

const READ_WRITE: DmaAccess = { read: true, write: true };
const MEGA = 2n ** 20n;

/** IOVA ranges that are tried at most. */
const MAX_RANGES = 16;

/** Largest page size that is tried: nobody has a spare GiB for a test. */
const MAX_PAGE = 2n * MEGA;

/**
 * Checks the kernel's promises about DMA mappings, without any device moving data: each request that must be refused
 * stands beside one like it that must not.
 */
export function mappingChecks(sys: Sys, iommu: Iommu): Check[] {
  const { pageSizes, ranges } = iommu.info();
  const page = pageSizes[0] ?? BigInt(sys.pageSize);
  const addresses = new IovaAllocator(ranges, page);

  /** Runs `work` with memory and a free address for it. */
  const withMemory = (length: bigint, work: (iova: bigint, memory: { address: bigint }) => Finding): Finding => {
    const iova = addresses.allocate(length, length <= MAX_PAGE ? length : page);
    if (iova === null) return { verdict: 'inconclusive', detail: 'no I/O virtual address is free' };
    const memory = sys.allocate(Number(length));
    try {
      return work(iova, memory);
    } finally {
      iommu.unmapAll();
      memory.close();
      addresses.free(iova, length);
    }
  };

  return [
    { name: 'iova-ranges', run: () => rangesFinding(pageSizes, ranges) },
    {
      name: 'map-unmap',
      run: () =>
        every(
          [page, ...[MAX_PAGE].filter((size) => size > page)].map((length) =>
            withMemory(length, (iova, memory) => mapAndUnmap(iommu, iova, memory, length)),
          ),
        ),
    },
    {
      name: 'range-edges',
      run: () =>
        withMemory(page, (_, memory) =>
          every(ranges.slice(0, MAX_RANGES).map((range) => edges(iommu, ranges, range, memory, page))),
        ),
    },
    {
      name: 'alignment',
      run: () =>
        withMemory(2n * page, (iova, memory) =>
          every([
            accepted('aligned', iommu, () => iommu.map(iova, memory, page, READ_WRITE), iova, page),
            refused('an address off its page', () => iommu.map(iova + page / 2n, memory, page, READ_WRITE)),
            refused('half a page', () => iommu.map(iova, memory, page / 2n, READ_WRITE)),
          ]),
        ),
    },
    {
      name: 'overlap',
      run: () =>
        withMemory(2n * page, (iova, memory) => {
          iommu.map(iova, memory, 2n * page, READ_WRITE);
          return every([
            refused(
              'a second mapping of the same pages',
              () => iommu.map(iova, memory, 2n * page, READ_WRITE),
              'EEXIST',
            ),
            refused('one that overlaps by a page', () => iommu.map(iova + page, memory, page, READ_WRITE), 'EEXIST'),
            unmapped(iommu, iova, 2n * page),
          ]);
        }),
    },
    {
      name: 'partial-unmap',
      run: () =>
        withMemory(2n * page, (iova, memory) => {
          iommu.map(iova, memory, 2n * page, READ_WRITE);
          return every([
            refused('to cut a mapping in two', () => iommu.unmap(iova, page), ['EINVAL', 'ENOENT']),
            unmapped(iommu, iova, 2n * page),
          ]);
        }),
    },
    { name: 'unmap-nothing', run: () => withMemory(page, (iova) => unmapNothing(iommu, iova, page)) },
    {
      name: 'unmap-all',
      run: () =>
        withMemory(4n * page, (iova, memory) => {
          const map = () => iommu.map(iova, memory, page, READ_WRITE);
          map();
          iommu.map(iova + 2n * page, memory, page, READ_WRITE);
          iommu.unmapAll();
          return accepted('two mappings went at once, and their place is free again', iommu, map, iova, page);
        }),
    },
    {
      name: 'bad-memory',
      run: () =>
        withMemory(page, (iova, memory) =>
          every([
            accepted('memory of this process', iommu, () => iommu.map(iova, memory, page, READ_WRITE), iova, page),
            // vm.mmap_min_addr keeps the first pages empty in every process.
            refused('an address without memory', () => iommu.map(iova, { address: page }, page, READ_WRITE), 'EFAULT'),
          ]),
        ),
    },
  ];
}

function rangesFinding(pageSizes: readonly bigint[], ranges: readonly IovaRange[]): Finding {
  const shown = `${rangesText(ranges)}; pages ${pageSizes.map(sizeText).join(' ')}`;
  const ordered = ranges.every(({ start, end }, i) => start <= end && (i === 0 || start > (ranges[i - 1]?.end ?? -1n)));
  if (ranges.length === 0 || pageSizes.length === 0)
    return { verdict: 'fail', detail: `nothing can be mapped: ${shown}` };
  return { verdict: ordered ? 'pass' : 'fail', detail: shown };
}

function mapAndUnmap(iommu: Iommu, iova: bigint, memory: { address: bigint }, length: bigint): Finding {
  const before = iommu.info().dmaAvail;
  iommu.map(iova, memory, length, READ_WRITE);
  const during = iommu.info().dmaAvail;
  const size = iommu.unmap(iova, length);
  const after = iommu.info().dmaAvail;
  if (BigInt(size) !== length) return { verdict: 'fail', detail: `${sizeText(length)} mapped, ${size} bytes unmapped` };
  if (before === null || during === null) return { verdict: 'pass', detail: sizeText(length) };
  const counted = during === before - 1 && after === before;
  return {
    verdict: counted ? 'pass' : 'fail',
    detail: `${sizeText(length)}, mappings left ${before}, ${during}, ${after}`,
  };
}

/** The end of all addresses. */
const LAST_ADDRESS = 2n ** 64n - 1n;

/**
 * Maps the first and the last page of a range, and the one after it, which must be refused unless the next range begins
 * there. The last page of the 64-bit space is no page for type1: before Linux 6.18 vfio_find_dma() computes its end as 0,
 * so that the mapping is made and never found again, and its memory stays pinned until the container is closed.
 */
function edges(
  iommu: Iommu,
  ranges: readonly IovaRange[],
  { start, end }: IovaRange,
  memory: { address: bigint },
  page: bigint,
): Finding {
  const leftOut = iommu.kind === 'type1' && end === LAST_ADDRESS;
  const last = end + 1n - page - (leftOut ? page : 0n);
  const map = (iova: bigint) => iommu.map(iova, memory, page, READ_WRITE);
  const pages = [...new Set([start, last])].filter((iova) => iova >= start && iova <= last);
  const findings = pages.map((iova) => accepted(hex(iova), iommu, () => map(iova), iova, page));
  if (leftOut)
    findings.push({
      verdict: 'pass',
      detail: `${hex(end + 1n - page)} left out: type1 before Linux 6.18 cannot unmap the last page of the 64-bit space`,
    });
  const beyond = end + 1n;
  const exists = beyond + page <= 1n << 64n && !ranges.some((range) => beyond >= range.start && beyond <= range.end);
  if (exists) findings.push(refused(hex(beyond), () => map(beyond)));
  return every(findings);
}

/** Unmaps an unmapped page: type1 reports 0 bytes, iommufd an error. */
function unmapNothing(iommu: Iommu, iova: bigint, length: bigint): Finding {
  const code = errnoOf(() => {
    const size = iommu.unmap(iova, length);
    if (size !== 0) throw new RangeError(`${size} bytes were unmapped`);
  });
  if (code === null) return { verdict: 'pass', detail: 'nothing was unmapped' };
  return { verdict: code === 'ENOENT' ? 'pass' : 'fail', detail: `unmapping what is not mapped is refused (${code})` };
}

/** Makes a mapping that has to work, and takes it away at once. */
function accepted(what: string, iommu: Iommu, map: () => void, iova: bigint, length: bigint): Finding {
  const code = errnoOf(map);
  if (code !== null) return { verdict: 'fail', detail: `${what} was refused (${code})` };
  const size = iommu.unmap(iova, length);
  return BigInt(size) === length
    ? { verdict: 'pass', detail: what }
    : { verdict: 'fail', detail: `${what}: ${length} bytes mapped, ${size} unmapped` };
}

function unmapped(iommu: Iommu, iova: bigint, length: bigint): Finding {
  const size = iommu.unmap(iova, length);
  return BigInt(size) === length
    ? { verdict: 'pass', detail: 'the whole is unmapped' }
    : { verdict: 'fail', detail: `${length} bytes mapped, ${size} unmapped` };
}

/** Makes a call that has to fail, with one of these errnos if any are given. */
function refused(what: string, call: () => unknown, expected: string | readonly string[] = []): Finding {
  const code = errnoOf(call);
  if (code === null) return { verdict: 'fail', detail: `${what} was not refused` };
  const good = expected.length === 0 || [expected].flat().includes(code);
  return { verdict: good ? 'pass' : 'fail', detail: `${what} is refused (${code})` };
}

/** Joins several findings into one: the failures if there are any, else everything. */
function every(findings: readonly Finding[]): Finding {
  const failed = findings.filter(({ verdict }) => verdict === 'fail');
  const undecided = findings.filter(({ verdict }) => verdict === 'inconclusive');
  const shown = failed.length > 0 ? failed : undecided.length > 0 ? undecided : findings;
  return {
    verdict: failed.length > 0 ? 'fail' : undecided.length > 0 ? 'inconclusive' : 'pass',
    detail: shown.map(({ detail }) => detail).join('; '),
  };
}

/** Returns the errno that a call fails with, null if it does not fail. */
function errnoOf(call: () => unknown): string | null {
  try {
    call();
    return null;
  } catch (error) {
    if (error instanceof SysError || error instanceof UdrvError) return error.code;
    throw error;
  }
}
