import { hex } from '../../text/hex';
import type { Bus } from '../kernel/bus';
import { Errno } from '../kernel/errno';
import type { Kernel } from '../kernel/kernel';
import { KERN_ERR } from '../kernel/kernel-log';
import type { DmaTarget, PciFunction } from '../pci/function';
import { IOMMU_READ, IOMMU_WRITE, IommuDomain } from './domain';
import { SimIommuGroup } from './group';
import type { Interval } from './intervals';

/** The lab's VT-d translates 39 bits: QEMU's default (aw-bits). */
export const APERTURE_LAST = 2n ** 39n - 1n;
/** Pages of 4 KiB, 2 MiB and 1 GiB, a bit for each size. */
export const PAGE_SIZES = 0x40201000n;

/** Reasons to refuse a DMA: drivers/iommu/intel/dmar.c, dma_remap_fault_reasons. */
const FAULTS = {
  noContext: [0x02, 'Present bit in context entry is clear'],
  beyond: [0x04, 'Access beyond MGAW'],
  noWrite: [0x05, 'PTE Write access is not set'],
  noRead: [0x06, 'PTE Read access is not set'],
} as const;

/** The machine's IOMMU, a VT-d: every function that is in a group is behind it. */
export class SimIommu {
  readonly groups: ReadonlyMap<number, SimIommuGroup>;
  readonly #kernel: Kernel;
  readonly #leaking = new Set<SimIommuGroup>();

  constructor(kernel: Kernel, bus: Bus<PciFunction>) {
    this.#kernel = kernel;
    const members = new Map<number, PciFunction[]>();
    for (const fn of bus.devices) {
      const number = groupNumber(kernel, fn);
      if (number !== null) members.set(number, [...(members.get(number) ?? []), fn]);
    }
    const groups = new Map<number, SimIommuGroup>();
    for (const [number, functions] of members) {
      const usedByKernel = () => functions.some((fn) => bus.has(fn) && bus.usesDma(fn));
      const group = new SimIommuGroup(
        number,
        functions,
        reservedRegions(kernel, number),
        usedByKernel,
        this.makeDomain(),
      );
      groups.set(number, group);
      for (const fn of functions) fn.dma = this.#target(fn, group);
    }
    this.groups = groups;
    // iommu_device_use_default_domain(): not while user space has the group.
    bus.onProbe = (driver, fn) => {
      if (!driver.managesDma && this.groupOf(fn)?.owned) throw new Errno('EBUSY');
    };
  }

  groupOf(fn: PciFunction): SimIommuGroup | undefined {
    return [...this.groups.values()].find(({ functions }) => functions.includes(fn));
  }

  /** Stops protecting: unmapped memory stays reachable for the device's group from then on. */
  leak(fn: PciFunction): void {
    const group = this.groupOf(fn);
    if (group === undefined) throw new RangeError(`${fn.name} is behind no IOMMU`);
    this.#leaking.add(group);
  }

  makeDomain(): IommuDomain {
    return new IommuDomain((domain) => [...this.#leaking].some((group) => group.domain === domain));
  }

  /** Returns the aperture without these. */
  rangesWithout(reserved: readonly Interval[]): Interval[] {
    const ranges: Interval[] = [];
    let first = 0n;
    for (const hole of [...reserved].sort((a, b) => Number(a.first - b.first))) {
      if (hole.first > first) ranges.push({ first, last: hole.first - 1n });
      first = hole.last + 1n;
    }
    if (first <= APERTURE_LAST) ranges.push({ first, last: APERTURE_LAST });
    return ranges;
  }

  #target(fn: PciFunction, group: SimIommuGroup): DmaTarget {
    return {
      read: (address, length) => {
        const data = Buffer.alloc(length);
        const whole = this.#access(fn, group, address, length, IOMMU_READ, (memory, at) => memory.copy(data, at));
        return whole ? data : null;
      },
      write: (address, data) =>
        this.#access(fn, group, address, data.length, IOMMU_WRITE, (memory, at) => data.copy(memory, 0, at)),
    };
  }

  /**
   * Translates an access, mapping by mapping. The first part that is refused ends it, and is a line in the kernel's
   * log; the parts before it have happened.
   */
  #access(
    fn: PciFunction,
    group: SimIommuGroup,
    address: bigint,
    length: number,
    need: number,
    access: (memory: Buffer, at: number) => void,
  ): boolean {
    for (let done = 0; done < length; ) {
      const at = address + BigInt(done);
      const found = translate(group.domain, at, need);
      if ('fault' in found) {
        this.#report(fn, at, need, found.fault);
        return false;
      }
      const memory = found.memory.subarray(0, length - done);
      access(memory, done);
      done += memory.length;
    }
    return true;
  }

  /** dmar_fault(), dmar_fault_do_one(): logs a fault, with the address of the page. */
  #report(fn: PciFunction, address: bigint, need: number, [reason, text]: (typeof FAULTS)[keyof typeof FAULTS]): void {
    const [, bus, slot] = fn.name.split(':');
    const page = address - (address % BigInt(this.#kernel.pageSize));
    this.#kernel.messages.print(KERN_ERR, 'DMAR: DRHD: handling fault status reg 2');
    this.#kernel.messages.print(
      KERN_ERR,
      `DMAR: [DMA ${need === IOMMU_READ ? 'Read' : 'Write'} NO_PASID] Request device [${bus}:${slot}] ` +
        `fault addr ${hex(page)} [fault reason ${hex(reason, 2)}] ${text}`,
    );
  }
}

type Translation = { readonly memory: Buffer } | { readonly fault: (typeof FAULTS)[keyof typeof FAULTS] };

/** @returns the memory from there to the end of its mapping */
function translate(domain: IommuDomain | null, address: bigint, need: number): Translation {
  if (domain === null) return { fault: FAULTS.noContext };
  if (address > APERTURE_LAST) return { fault: FAULTS.beyond };
  const mapping = domain.find(address);
  if (mapping === undefined || (mapping.prot & need) === 0)
    return { fault: need === IOMMU_READ ? FAULTS.noRead : FAULTS.noWrite };
  return { memory: mapping.memory.subarray(Number(address - mapping.first)) };
}

/** Returns the number of the IOMMU group that sysfs has a function in; null for none. */
export function groupNumber(kernel: Kernel, fn: PciFunction): number | null {
  const link = `${fn.path}/iommu_group`;
  return kernel.exists(link) ? Number(kernel.tree.readLink(link).split('/').pop()) : null;
}

/** Reads the attribute `reserved_regions`; regions that are `direct-relaxable` are given up for user space. */
function reservedRegions(kernel: Kernel, group: number): Interval[] {
  const text = kernel.text(`/sys/kernel/iommu_groups/${group}/reserved_regions`);
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([first = '', , type]) => first !== '' && type !== 'direct-relaxable')
    .map(([first = '', last = '']) => ({ first: BigInt(first), last: BigInt(last) }));
}
