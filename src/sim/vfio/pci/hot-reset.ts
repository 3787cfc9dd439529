import {
  hotReset,
  hotResetDevice,
  hotResetInfo,
  VFIO_PCI_HOT_RESET_FLAG_DEV_ID,
  VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED,
} from '../../../uapi/vfio';
import { groupNumber } from '../../iommu/iommu';
import type { Bus } from '../../kernel/bus';
import { Errno } from '../../kernel/errno';
import type { Kernel } from '../../kernel/kernel';
import { UserStruct } from '../../kernel/user-struct';
import type { PciFunction } from '../../pci/function';
import type { SimVfioDevice } from '../device';

/** VFIO_PCI_DEVID_OWNED, VFIO_PCI_DEVID_NOT_OWNED */
const DEVID_OWNED = 0;
const DEVID_NOT_OWNED = 0xffffffff;

/** The reset of a function's bus, with all that is on it: vfio_pci_core.c. */
export class HotReset {
  readonly #kernel: Kernel;
  readonly #bus: Bus<PciFunction>;
  readonly #fn: PciFunction;

  constructor(kernel: Kernel, bus: Bus<PciFunction>, fn: PciFunction) {
    this.#kernel = kernel;
    this.#bus = bus;
    this.#fn = fn;
  }

  /** Lists the functions that a reset of the bus would reset too. A bus that no bridge leads to cannot be reset. */
  getInfo(argument: Buffer | number, device: SimVfioDevice): number {
    const user = new UserStruct(argument, hotResetInfo.size);
    const argsz = user.u32(hotResetInfo.argsz);
    if (argsz < hotResetInfo.size) throw new Errno('EINVAL');
    const siblings = this.#siblings();
    user.setU32(hotResetInfo.flags, 0);
    if (siblings.length > Math.floor((argsz - hotResetInfo.size) / hotResetInfo.deviceSize)) {
      user.setU32(hotResetInfo.count, siblings.length);
      throw new Errno('ENOSPC');
    }
    const byDevice = device.cdevOpened;
    let owned = true;
    for (const [index, sibling] of siblings.entries()) {
      const at = hotResetInfo.devices + index * hotResetInfo.deviceSize;
      const [segment, bus, slot] = sibling.name.split(/[:.]/).map((part) => Number.parseInt(part, 16));
      const id = byDevice ? this.#ownership(sibling, device) : (groupNumber(this.#kernel, sibling) ?? 0);
      if (byDevice && id === DEVID_NOT_OWNED) owned = false;
      user.setU32(at + hotResetDevice.id, id);
      user.setU16(at + hotResetDevice.segment, segment ?? 0);
      user.bytes[at + hotResetDevice.bus] = bus ?? 0;
      user.bytes[at + hotResetDevice.devfn] = ((slot ?? 0) << 3) | Number(sibling.name.slice(-1));
    }
    user.setU32(hotResetInfo.count, siblings.length);
    if (byDevice)
      user.setU32(
        hotResetInfo.flags,
        VFIO_PCI_HOT_RESET_FLAG_DEV_ID | (owned ? VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED : 0),
      );
    return 0;
  }

  /** Makes the kernel's checks, and then refuses: the reset fails behind QEMU's ports. */
  reset(argument: Buffer | number, device: SimVfioDevice): number {
    const user = new UserStruct(argument, hotReset.size);
    if (user.u32(hotReset.argsz) < hotReset.size || user.u32(hotReset.flags) !== 0) throw new Errno('EINVAL');
    if (user.u32(hotReset.count) > 0 === device.cdevOpened) throw new Errno('EINVAL');
    if (user.u32(hotReset.count) > this.#siblings().length) throw new Errno('EINVAL');
    throw new Errno('ENOTTY');
  }

  #siblings(): PciFunction[] {
    const { busPath } = this.#fn;
    if (/\/pci[0-9a-f]{4}:[0-9a-f]{2}$/.test(busPath)) throw new Errno('ENODEV');
    return [...this.#bus.devices].filter((fn) => fn.path.startsWith(`${busPath}/`));
  }

  #ownership(fn: PciFunction, device: SimVfioDevice): number {
    if (fn === this.#fn) return device.iommufdId ?? DEVID_NOT_OWNED;
    return groupNumber(this.#kernel, fn) === groupNumber(this.#kernel, this.#fn) ? DEVID_OWNED : DEVID_NOT_OWNED;
  }
}
