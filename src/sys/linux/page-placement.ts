import { arch } from 'node:process';
import { getSystemErrorName } from 'node:util';
import { SysError } from '../../errors';
import { MADV_POPULATE_WRITE, MAP_HUGE_SHIFT, MAP_HUGETLB, MPOL_BIND, SYS_MBIND, SYS_MBIND_X64 } from '../../uapi/libc';
import type { Memory } from '../sys';

/** The most NUMA nodes that a kernel can have: MAX_NUMNODES, include/linux/numa.h, NODES_SHIFT at most 10. */
const MAX_NODES = 1024;

/**
 * Returns the flags of mmap(2) that ask for huge pages.
 *
 * @throws RangeError where the size is no power of two
 */
export function hugePageFlags(size: number): number {
  const shift = Math.log2(size);
  if (!Number.isInteger(shift)) throw new RangeError(`${size} is no size of a page`);
  return MAP_HUGETLB | (shift << MAP_HUGE_SHIFT);
}

/**
 * Gets the pages of new memory, on one NUMA node where that is asked for. Huge pages are reserved by mmap(2), but on any
 * node and beside the limits of a cgroup: the first access to a page that is not there is SIGBUS. Here it is ENOMEM.
 *
 * @throws EINVAL where there is no such node, ENOMEM where not so many pages are free
 */
export function placePages(koffi: typeof import('koffi'), memory: Memory, node?: number): void {
  const lib = koffi.load(null);
  const { address } = memory;
  const { length } = memory.bytes;
  const fail = (syscall: string): never => {
    throw new SysError(syscall, getSystemErrorName(-koffi.errno()), 'memory');
  };
  if (node !== undefined) {
    if (!Number.isSafeInteger(node) || node < 0 || node >= MAX_NODES) throw new SysError('mbind', 'EINVAL', 'memory');
    const mask = Buffer.alloc(MAX_NODES / 8);
    mask.writeUInt8(1 << (node % 8), node >> 3);
    // The C library has no name for mbind(2). The kernel takes one bit less than it is told: get_nodes(), mm/mempolicy.c.
    const syscall = lib.func(
      'intptr_t syscall(intptr_t number, uintptr_t start, size_t length, size_t mode, void *mask, size_t bits, size_t flags)',
    );
    const number = arch === 'x64' ? SYS_MBIND_X64 : SYS_MBIND;
    if (syscall(number, address, length, MPOL_BIND, mask, MAX_NODES + 1, 0) < 0) fail('mbind');
  }
  const madvise = lib.func('int madvise(uintptr_t address, size_t length, int advice)');
  if (madvise(address, length, MADV_POPULATE_WRITE) >= 0) return;
  const error = getSystemErrorName(-koffi.errno());
  // EFAULT is what the access would have had as SIGBUS: mm/gup.c, faultin_page_range().
  if (error === 'EFAULT' || error === 'ENOMEM') throw new SysError('madvise', 'ENOMEM', 'memory');
  // Kernels before 5.14 do not know it: without a node the reservation is enough.
  if (error !== 'EINVAL' || node !== undefined) fail('madvise');
}
