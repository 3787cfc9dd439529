import type { Bus } from '../kernel/bus';
import { Errno } from '../kernel/errno';
import type { Kernel } from '../kernel/kernel';
import { KERN_ERR } from '../kernel/kernel-log';
import type { DmaTarget, PciFunction } from '../pci/function';
import { type Interval, Intervals } from './intervals';

/** Directions of a mapping, from the device's view: <linux/iommu.h>. */
export const IOMMU_READ = 1;
export const IOMMU_WRITE = 2;

/** The lab's VT-d translates 39 bits: QEMU's default (aw-bits). */
export const APERTURE_LAST = 2n ** 39n - 1n;
/** Pages of 4 KiB, 2 MiB and 1 GiB, a bit for each size. */
export const PAGE_SIZES = 0x40201000n;

/** Why a DMA was refused: drivers/iommu/intel/dmar.c, dma_remap_fault_reasons. */
const FAULTS = {
  noContext: [0x02, 'Present bit in context entry is clear'],
  beyond: [0x04, 'Access beyond MGAW'],
  noWrite: [0x05, 'PTE Write access is not set'],
  noRead: [0x06, 'PTE Read access is not set'],
} as const;

/** Pages of memory where a device sees them. */
export interface IoMapping extends Interval {
  /** Stays, whatever the process unmaps: the pages are pinned. */
  readonly memory: Buffer;
  /** Bits of IOMMU_READ and IOMMU_WRITE. */
  readonly prot: number;
}

/** A translation that devices can be attached to: struct iommu_domain. */
export class IommuDomain {
  readonly #mappings = new Intervals<IoMapping>();
  readonly #iommu: SimIommu;

  constructor(iommu: SimIommu) {
    this.#iommu = iommu;
  }

  /** What a device may write it may read too: __domain_mapping() of the VT-d driver sets the bit for it in every entry. */
  map(mapping: IoMapping): void {
    // Nothing is there but what a leaking IOMMU kept.
    for (const stale of this.#mappings.within(mapping.first, mapping.last)) this.#mappings.delete(stale);
    this.#mappings.add({ ...mapping, prot: mapping.prot | IOMMU_READ });
  }

  unmap(first: bigint, last: bigint): void {
    if (this.#iommu.leaks(this)) return;
    for (const mapping of this.#mappings.within(first, last)) this.#mappings.delete(mapping);
  }

  find(address: bigint): IoMapping | undefined {
    return this.#mappings.find(address, address);
  }
}

/**
 * An IOMMU group: drivers/iommu/iommu.c. What its devices reach is decided for all of them at once, by the kernel
 * (its drivers' own domain) or by who owns its DMA.
 */
export class SimIommuGroup {
  readonly number: number;
  /** In the order of their addresses. */
  readonly functions: readonly PciFunction[];
  readonly reserved: readonly Interval[];
  readonly #iommu: SimIommu;
  readonly #usedByKernel: () => boolean;
  readonly #default: IommuDomain;
  /** Null: blocked. */
  #domain: IommuDomain | null;
  #owner: object | null = null;
  #claims = 0;

  constructor(
    iommu: SimIommu,
    number: number,
    functions: readonly PciFunction[],
    reserved: readonly Interval[],
    usedByKernel: () => boolean,
  ) {
    this.number = number;
    this.functions = functions;
    this.reserved = reserved;
    this.#iommu = iommu;
    this.#usedByKernel = usedByKernel;
    this.#default = new IommuDomain(iommu);
    this.#domain = this.#default;
  }

  get domain(): IommuDomain | null {
    return this.#domain;
  }

  /** iommu_group_dma_owner_claimed(): by a driver of the kernel's that uses DMA, or for user space. */
  get claimed(): boolean {
    return this.#owner !== null || this.#usedByKernel();
  }

  get owned(): boolean {
    return this.#owner !== null;
  }

  /**
   * iommu_group_claim_dma_owner(): from then on devices reach nothing, until a domain is attached.
   *
   * @param shared the same owner may claim it once for each of its devices (iommu_device_claim_dma_owner())
   */
  claim(owner: object, shared: boolean): void {
    if (this.#owner !== null ? !shared || this.#owner !== owner : this.#usedByKernel()) throw new Errno('EPERM');
    if (this.#owner === null) this.#domain = null;
    this.#owner = owner;
    this.#claims++;
  }

  release(): void {
    if (--this.#claims > 0) return;
    this.#owner = null;
    this.#domain = this.#default;
  }

  attach(domain: IommuDomain): void {
    this.#domain = domain;
  }

  /** Blocked again, as its owner claimed it. */
  detach(): void {
    this.#domain = null;
  }

  /** The addresses that a domain for it can map: the aperture without what is reserved. */
  get ranges(): Interval[] {
    return this.#iommu.rangesWithout(this.reserved);
  }
}

/** The machine's IOMMU, a VT-d: every function that is in a group is behind it. */
export class SimIommu {
  readonly groups: ReadonlyMap<number, SimIommuGroup>;
  readonly #kernel: Kernel;
  readonly #leaking = new Set<SimIommuGroup>();

  constructor(kernel: Kernel, bus: Bus<PciFunction>) {
    this.#kernel = kernel;
    const members = new Map<number, PciFunction[]>();
    for (const fn of bus.devices) {
      const number = groupOf(kernel, fn);
      if (number !== null) members.set(number, [...(members.get(number) ?? []), fn]);
    }
    const groups = new Map<number, SimIommuGroup>();
    for (const [number, functions] of members) {
      const usedByKernel = () => functions.some((fn) => bus.has(fn) && bus.usesDma(fn));
      const group = new SimIommuGroup(this, number, functions, reservedRegions(kernel, number), usedByKernel);
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

  /** From then on what is unmapped stays reachable for the device's group: an IOMMU that does not protect. */
  leak(fn: PciFunction): void {
    const group = this.groupOf(fn);
    if (group === undefined) throw new RangeError(`${fn.name} is behind no IOMMU`);
    this.#leaking.add(group);
  }

  leaks(domain: IommuDomain): boolean {
    for (const group of this.#leaking) if (group.domain === domain) return true;
    return false;
  }

  /** The whole aperture but these. */
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
   * log; what came before has happened.
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

  /** dmar_fault(), dmar_fault_do_one(). The address is that of the page. */
  #report(fn: PciFunction, address: bigint, need: number, [reason, text]: (typeof FAULTS)[keyof typeof FAULTS]): void {
    const [, bus, slot] = fn.name.split(':');
    const page = address - (address % BigInt(this.#kernel.pageSize));
    const hex = reason.toString(16).padStart(2, '0');
    this.#kernel.messages.print(KERN_ERR, 'DMAR: DRHD: handling fault status reg 2');
    this.#kernel.messages.print(
      KERN_ERR,
      `DMAR: [DMA ${need === IOMMU_READ ? 'Read' : 'Write'} NO_PASID] Request device [${bus}:${slot}] ` +
        `fault addr 0x${page.toString(16)} [fault reason 0x${hex}] ${text}`,
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

function groupOf(kernel: Kernel, fn: PciFunction): number | null {
  const link = `${fn.path}/iommu_group`;
  return kernel.exists(link) ? Number(kernel.tree.readLink(link).split('/').pop()) : null;
}

/** The attribute `reserved_regions`; what is `direct-relaxable` is given up for user space. */
function reservedRegions(kernel: Kernel, group: number): Interval[] {
  const text = kernel.text(`/sys/kernel/iommu_groups/${group}/reserved_regions`);
  return text
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([first = '', , type]) => first !== '' && type !== 'direct-relaxable')
    .map(([first = '', last = '']) => ({ first: BigInt(first), last: BigInt(last) }));
}
