import {
  destroy,
  hwInfo,
  hwInfoVtd,
  IOMMU_DESTROY,
  IOMMU_GET_HW_INFO,
  IOMMU_HW_INFO_TYPE_INTEL_VTD,
  IOMMU_IOAS_ALLOC,
  IOMMU_IOAS_IOVA_RANGES,
  IOMMU_IOAS_MAP,
  IOMMU_IOAS_MAP_FIXED_IOVA,
  IOMMU_IOAS_MAP_READABLE,
  IOMMU_IOAS_MAP_WRITEABLE,
  IOMMU_IOAS_UNMAP,
  IOMMU_OPTION,
  IOMMU_OPTION_OP_GET,
  IOMMU_OPTION_OP_SET,
  IOMMU_OPTION_RLIMIT_MODE,
  IOMMUFD_OBJECTS,
  ioasAlloc,
  ioasMap,
  ioasUnmap,
  iovaRanges,
  option,
} from '../../uapi/iommufd';
import { VFIO_API_VERSION, VFIO_GET_API_VERSION } from '../../uapi/vfio';
import { IOMMU_READ, IOMMU_WRITE, type IommuDomain } from '../iommu/domain';
import type { SimIommuGroup } from '../iommu/group';
import { APERTURE_LAST, type SimIommu } from '../iommu/iommu';
import { Errno } from '../kernel/errno';
import { IoctlFile } from '../kernel/file';
import type { Kernel } from '../kernel/kernel';
import { UserStruct } from '../kernel/user-struct';
import type { PciFunction } from '../pci/function';
import { type IommufdContext, IommufdDevice } from './bound-device';
import { Hwpt, type MappedArea, PAGE, SimIoas, U64_MAX } from './ioas';

const OPTION_HUGE_PAGES = 1;
const MAP_FLAGS = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE;
/** IOMMU_HW_INFO_VTD_ERRATA_772415_SPR17: the kernel sets it for what QEMU shows. */
const VTD_FLAGS = 1;

/** struct iommu_hwpt_alloc and its first form, struct iommu_fault_alloc: in bytes. */
const [HWPT_ALLOC, FIRST_HWPT_ALLOC, FAULT_ALLOC] = [56, 24, 16] as const;

function unsupported(): never {
  throw new Errno('EOPNOTSUPP');
}

type SimObject = SimIoas | Hwpt | IommufdDevice;

interface IommufdCommand {
  readonly size: number;
  readonly minimum: number;
  execute(user: UserStruct): void;
}

/** An open /dev/iommu: drivers/iommu/iommufd of Linux 6.12, as far as VFIO needs it; errors checked by running it. */
export class IommufdFile extends IoctlFile implements IommufdContext {
  readonly #kernel: Kernel;
  readonly #iommu: SimIommu;
  readonly #objects = new Map<number, SimObject>();
  #rlimitMode = 0n;
  readonly #commands: ReadonlyMap<number, IommufdCommand>;

  constructor(kernel: Kernel, iommu: SimIommu) {
    super();
    this.#kernel = kernel;
    this.#iommu = iommu;
    const command = (size: number, execute: (user: UserStruct) => void, minimum = size) => ({ size, minimum, execute });
    this.#commands = new Map([
      [IOMMU_DESTROY, command(destroy.size, (user) => this.#destroy(user))],
      [IOMMU_IOAS_ALLOC, command(ioasAlloc.size, (user) => this.#allocate(user))],
      [IOMMU_IOAS_IOVA_RANGES, command(iovaRanges.size, (user) => this.#iovaRanges(user))],
      [IOMMU_IOAS_MAP, command(ioasMap.size, (user) => this.#map(user))],
      [IOMMU_IOAS_UNMAP, command(ioasUnmap.size, (user) => this.#unmap(user))],
      [IOMMU_OPTION, command(option.size, (user) => this.#option(user))],
      // 6.12 makes these too, and this kernel does not: a program that asks whether it could is told so.
      [IOMMUFD_OBJECTS.hwpt, command(HWPT_ALLOC, unsupported, FIRST_HWPT_ALLOC)],
      [IOMMUFD_OBJECTS['fault-queue'], command(FAULT_ALLOC, unsupported)],
      [IOMMU_GET_HW_INFO, command(hwInfo.size, (user) => this.#hwInfo(user), hwInfo.capabilities)],
    ]);
  }

  /**
   * iommufd_fops_ioctl(), copy_struct_from_user(): a longer struct is one of a later kernel, unless the rest is zero.
   */
  ioctl(request: number, argument: Buffer | number): number {
    // This call of its container emulation answers even without an address space for that.
    if (request === VFIO_GET_API_VERSION) return VFIO_API_VERSION;
    const command = this.#commands.get(request);
    if (command === undefined) throw new Errno('ENOTTY');
    const size = new UserStruct(argument, 4).u32(0);
    if (size < command.minimum) throw new Errno('EINVAL');
    const user = new UserStruct(argument, size);
    if (user.bytes.subarray(command.size, size).some((byte) => byte !== 0)) throw new Errno('E2BIG');
    command.execute(user);
    return 0;
  }

  /** iommufd_device_bind() */
  bind(fn: PciFunction): IommufdDevice {
    const group = this.#iommu.groupOf(fn);
    if (group === undefined) throw new Errno('ENODEV');
    group.claim(this, true);
    const device = new IommufdDevice(this, this.#freeId(), group);
    this.#objects.set(device.id, device);
    return device;
  }

  /** Finds the page table of that id, or that of the IOAS; one is made and filled where it has none yet. */
  pageTable(id: number, group: SimIommuGroup): Hwpt {
    const object = this.#objects.get(id);
    if (object === undefined) throw new Errno('ENOENT');
    if (object.kind === 'device') throw new Errno('EINVAL');
    if (object.kind === 'hwpt') return object;
    if (object.hwpt === null) return this.#makePageTable(object, group);
    object.checkReserved(group.reserved);
    return object.hwpt;
  }

  dropPageTable(hwpt: Hwpt): void {
    for (const area of hwpt.ioas.areas) this.#unfill(area, hwpt.domain);
    hwpt.ioas.hwpt = null;
    this.#objects.delete(hwpt.id);
  }

  remove(id: number): void {
    this.#objects.delete(id);
  }

  /** Frees all objects; devices hold this file, so that none is bound any more. */
  close(): void {
    this.#objects.clear();
  }

  #makePageTable(ioas: SimIoas, group: SimIommuGroup): Hwpt {
    const beyond = { first: APERTURE_LAST + 1n, last: U64_MAX };
    const aligned = ({ first, last, address }: MappedArea) => (first | (last + 1n) | address) % PAGE === 0n;
    ioas.checkReserved([...group.reserved, beyond]);
    if (![...ioas.areas].every(aligned)) throw new Errno('EADDRINUSE');
    const hwpt = new Hwpt(this.#freeId(), ioas, this.#iommu.makeDomain());
    const filled: MappedArea[] = [];
    try {
      for (const area of ioas.areas) {
        this.#fill(area, hwpt.domain);
        filled.push(area);
      }
    } catch (error) {
      for (const area of filled) this.#unfill(area, hwpt.domain);
      throw error;
    }
    ioas.hwpt = hwpt;
    this.#objects.set(hwpt.id, hwpt);
    return hwpt;
  }

  /** Pins an area's pages and lets devices see them. */
  #fill(area: MappedArea, domain: IommuDomain): void {
    const { memory: process } = this.#kernel;
    const memory = process.at(area.address, Number(area.last - area.first + 1n));
    if (!process.locked.charge(memory.length)) throw new Errno('ENOMEM');
    area.locked = memory.length;
    domain.map({ first: area.first, last: area.last, memory, prot: area.prot });
  }

  #unfill(area: MappedArea, domain: IommuDomain): void {
    domain.unmap(area.first, area.last);
    this.#kernel.memory.locked.uncharge(area.locked);
    area.locked = 0;
  }

  /** Finds the lowest free id; 0 is none. */
  #freeId(): number {
    let id = 1;
    while (this.#objects.has(id)) id++;
    return id;
  }

  #ioas(id: number): SimIoas {
    const object = this.#objects.get(id);
    if (object?.kind !== 'ioas') throw new Errno('ENOENT');
    return object;
  }

  #destroy(user: UserStruct): void {
    const id = user.u32(destroy.id);
    const object = this.#objects.get(id);
    if (object === undefined) throw new Errno('ENOENT');
    if (object.users > 0) throw new Errno('EBUSY');
    this.#objects.delete(id);
  }

  #allocate(user: UserStruct): void {
    if (user.u32(ioasAlloc.flags) !== 0) throw new Errno('ENOTSUP');
    const id = this.#freeId();
    this.#objects.set(id, new SimIoas());
    user.setU32(ioasAlloc.id, id);
  }

  #iovaRanges(user: UserStruct): void {
    if (user.u32(iovaRanges.count + 4) !== 0) throw new Errno('ENOTSUP');
    const ioas = this.#ioas(user.u32(iovaRanges.ioas));
    const room = user.u32(iovaRanges.count);
    const pointer = user.u64(iovaRanges.pointer);
    const ranges = ioas.hwpt === null ? [{ first: 0n, last: U64_MAX }] : this.#iommu.rangesWithout(ioas.reserved);
    for (const [index, { first, last }] of ranges.slice(0, room).entries()) {
      const range = this.#pointed(pointer + BigInt(index * iovaRanges.rangeSize), iovaRanges.rangeSize);
      range.setU64(0, first);
      range.setU64(8, last);
    }
    user.setU32(iovaRanges.count, ranges.length);
    user.setU64(iovaRanges.alignment, ioas.alignment);
    if (ranges.length > room) throw new Errno('EMSGSIZE');
  }

  /** iommufd_ioas_map(), iopt_map_user_pages() */
  #map(user: UserStruct): void {
    const flags = user.u32(ioasMap.flags);
    if ((flags & ~MAP_FLAGS) !== 0 || user.u32(ioasMap.ioas + 4) !== 0) throw new Errno('ENOTSUP');
    const address = user.u64(ioasMap.vaddr);
    const length = user.u64(ioasMap.length);
    if (user.u64(ioasMap.iova) === U64_MAX || length === U64_MAX) throw new Errno('EOVERFLOW');
    const prot =
      (flags & IOMMU_IOAS_MAP_READABLE ? IOMMU_READ : 0) | (flags & IOMMU_IOAS_MAP_WRITEABLE ? IOMMU_WRITE : 0);
    if (prot === 0) throw new Errno('EINVAL');
    const ioas = this.#ioas(user.u32(ioasMap.ioas));
    if (length === 0n || length > U64_MAX - PAGE) throw new Errno('EINVAL');
    if (address + length > U64_MAX) throw new Errno('EOVERFLOW');
    if (length % ioas.alignment !== 0n) throw new Errno('EINVAL');
    const fixed = (flags & IOMMU_IOAS_MAP_FIXED_IOVA) !== 0;
    const first = fixed ? user.u64(ioasMap.iova) : ioas.findFree(address, length);
    if (fixed) ioas.checkFree(first, length);
    if ((address % PAGE) % ioas.alignment !== 0n) throw new Errno('EINVAL');
    const area = { first, last: first + length - 1n, address, prot, locked: 0 };
    if (ioas.hwpt !== null) this.#fill(area, ioas.hwpt.domain);
    ioas.areas.add(area);
    user.setU64(ioasMap.iova, first);
  }

  /**
   * iommufd_ioas_unmap(), iopt_unmap_iova_range(): unmaps whole areas; a range with none is an error, unless all is
   * asked for.
   */
  #unmap(user: UserStruct): void {
    const ioas = this.#ioas(user.u32(ioasUnmap.ioas));
    const first = user.u64(ioasUnmap.iova);
    const length = user.u64(ioasUnmap.length);
    const all = first === 0n && length === U64_MAX;
    if (!all) {
      if (first === U64_MAX || length === U64_MAX) throw new Errno('EOVERFLOW');
      if (length === 0n) throw new Errno('EINVAL');
      if (first + length - 1n > U64_MAX) throw new Errno('EOVERFLOW');
    }
    const last = all ? U64_MAX : first + length - 1n;
    let unmapped = 0n;
    for (const area of ioas.areas.within(first, last)) {
      // The areas before it are unmapped already.
      if (area.first < first || area.last > last) throw new Errno('ENOENT');
      if (ioas.hwpt !== null) this.#unfill(area, ioas.hwpt.domain);
      ioas.areas.delete(area);
      unmapped += area.last - area.first + 1n;
    }
    if (!all && unmapped === 0n) throw new Errno('ENOENT');
    user.setU64(ioasUnmap.length, unmapped);
  }

  #option(user: UserStruct): void {
    if (user.u16(option.reserved) !== 0) throw new Errno('ENOTSUP');
    const id = user.u32(option.option);
    if (id === IOMMU_OPTION_RLIMIT_MODE) this.#rlimitModeOption(user);
    else if (id === OPTION_HUGE_PAGES) this.#hugePagesOption(user);
    else throw new Errno('ENOTSUP');
  }

  #rlimitModeOption(user: UserStruct): void {
    if (user.u32(option.object) !== 0) throw new Errno('ENOTSUP');
    const value = onOrOff(user, () => this.#rlimitMode);
    if (value === null) return;
    if (this.#objects.size > 0) throw new Errno('EBUSY');
    this.#rlimitMode = valid(value);
  }

  #hugePagesOption(user: UserStruct): void {
    const ioas = this.#ioas(user.u32(option.object));
    const value = onOrOff(user, () => (ioas.hugePages ? 1n : 0n));
    if (value !== null) ioas.hugePages = valid(value) === 1n;
  }

  #hwInfo(user: UserStruct): void {
    const device = this.#objects.get(user.u32(hwInfo.device));
    if (user.u32(hwInfo.flags) !== 0) throw new Errno('ENOTSUP');
    if (device?.kind !== 'device') throw new Errno('ENOENT');
    const length = user.u32(hwInfo.dataLength);
    if (length > 0) {
      const data = this.#pointed(user.u64(hwInfo.data), length);
      const info = new UserStruct(Buffer.alloc(hwInfoVtd.size), hwInfoVtd.size);
      const register = (name: string) =>
        BigInt(`0x${this.#kernel.text(`/sys/class/iommu/dmar0/intel-iommu/${name}`).trim()}`);
      info.setU32(hwInfoVtd.flags, VTD_FLAGS);
      info.setU64(hwInfoVtd.capabilities, register('cap'));
      info.setU64(hwInfoVtd.extendedCapabilities, register('ecap'));
      data.bytes.fill(0);
      info.bytes.copy(data.bytes);
    }
    user.setU32(hwInfo.dataLength, hwInfoVtd.size);
    user.setU32(hwInfo.type, IOMMU_HW_INFO_TYPE_INTEL_VTD);
    user.setU32(hwInfo.type + 4, 0);
    user.setU64(hwInfo.capabilities, 0n);
  }

  /** Returns the memory that a pointer in a struct points to. */
  #pointed(address: bigint, length: number): UserStruct {
    return new UserStruct(this.#kernel.memory.at(address, length), length);
  }
}

/** Reads an option, or checks its new value. @returns the value to set; null where it was read */
function onOrOff(user: UserStruct, get: () => bigint): bigint | null {
  switch (user.u16(option.op)) {
    case IOMMU_OPTION_OP_GET:
      user.setU64(option.value, get());
      return null;
    case IOMMU_OPTION_OP_SET:
      return user.u64(option.value);
    default:
      throw new Errno('ENOTSUP');
  }
}

function valid(value: bigint): bigint {
  if (value > 1n) throw new Errno('EINVAL');
  return value;
}
