import { Exit, fromSysError, SysError, UdrvError } from '../../errors';
import type { VfioDeviceInfo } from '../../model/device';
import { pciPath } from '../../pci/paths';
import type { SysTree } from '../../sys/sys';
import { holdersOf, namesOf } from '../inspect/holders';

/** What is in the way of an open, in words: each function turns a failed call into the user's error. */

export function noCdev(device: VfioDeviceInfo): UdrvError {
  return new UdrvError('has no character device of its own, which iommufd needs', {
    code: 'ENODEV',
    exit: Exit.unsupported,
    subject: device.address,
    hint: 'this kernel has only groups (CONFIG_VFIO_DEVICE_CDEV): use --backend group',
    device: device.address,
  });
}

/** A group of which a kernel driver has a part. It opens, but cannot be used. */
export function notViable(device: VfioDeviceInfo): UdrvError {
  const { address, vfio } = device;
  const blockers = vfio.blockers.length > 0 ? `: in the way are ${vfio.blockers.join(', ')}` : '';
  const [first] = vfio.blockers;
  return new UdrvError(`its group, ${vfio.group}, is not viable${blockers}`, {
    code: 'EPERM',
    exit: Exit.busy,
    subject: address,
    hint:
      first === undefined
        ? `udrv show ${address}`
        : `sudo udrv bind ${first} vfio-pci, or sudo udrv unbind ${first}; sudo udrv bind ${address} vfio-pci --group does it for the whole group`,
    device: address,
  });
}

/** A node that did not open. `EBUSY` comes with who has it. */
export function openFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const { address } = device;
  const { code, path } = error;
  switch (code) {
    case 'EACCES':
      return fromSysError(error, {
        device: address,
        hint: `run as root, or: sudo chown "$USER" ${path}  (for good, a udev rule: see PERMISSIONS in udrv-vfio(1))`,
      });
    case 'EPERM':
      return fromSysError(error, {
        device: address,
        message: path.includes('noiommu') ? 'without an IOMMU only root may open it' : 'not permitted',
        hint: path.includes('noiommu')
          ? 'it takes CAP_SYS_RAWIO: run this command with sudo'
          : 'a container must be given the device: --device or a cgroup rule',
      });
    case 'ENOENT':
      return fromSysError(error, {
        device: address,
        message: 'the node is missing',
        hint:
          path === '/dev/iommu'
            ? 'sudo modprobe iommufd, or use --backend group'
            : path === '/dev/vfio/vfio'
              ? 'sudo modprobe vfio-pci'
              : 'in a container, pass the node in; else: sudo udevadm trigger',
      });
    case 'ENODEV':
    case 'ENXIO':
      return fromSysError(error, { device: address, message: 'the device went away', exit: Exit.gone });
    case 'EBUSY':
      return busy(sys, device);
    default:
      return fromSysError(error, { device: address });
  }
}

/** Somebody else has the group or the device: only one may, whichever way in. */
export function busy(sys: SysTree, device: VfioDeviceInfo): UdrvError {
  const { address } = device;
  const { others, own, complete } = holdersOf(sys, device);
  const unseen = !complete
    ? 'whoever has it belongs to another user'
    : own
      ? 'this process has it already'
      : 'nobody is seen to have it';
  return new UdrvError(`in use: ${others.length > 0 ? namesOf(others) : unseen}`, {
    code: 'EBUSY',
    exit: Exit.busy,
    subject: address,
    hint:
      others.length > 0 || complete ? 'udrv vfio groups shows who has what' : 'sudo udrv vfio groups shows who has it',
    device: address,
  });
}

/** VFIO_SET_IOMMU on a container that has the group. */
export function setIommuFailed(device: VfioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const { address } = device;
  if (error.code === 'EPERM')
    return fromSysError(error, {
      subject: address,
      device: address,
      message: 'the platform does not remap interrupts, so the device could forge them',
      hint: 'switch interrupt remapping on in the firmware; to go without: echo 1 | sudo tee /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts',
    });
  if (error.code === 'ENODEV')
    return fromSysError(error, {
      subject: address,
      device: address,
      exit: Exit.unsupported,
      message: 'this kernel offers no type 1 IOMMU for the group',
      hint: 'sudo modprobe vfio_iommu_type1',
    });
  return fromSysError(error, { subject: address, device: address });
}

/**
 * VFIO_DEVICE_BIND_IOMMUFD. A cdev opens as often as one likes and is bound once: the second gets EINVAL, as one does
 * whose IOMMU cannot enforce cache coherency (vfio_df_open(), iommufd_device_bind()).
 */
export function bindFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError) || error.code !== 'EINVAL') return getDeviceFailed(sys, device, error);
  const { others, complete } = holdersOf(sys, device);
  if (others.length > 0 || !complete) return busy(sys, device);
  return fromSysError(error, {
    subject: device.address,
    device: device.address,
    message:
      'the kernel does not bind it: this process has it open already, or its IOMMU does not keep caches coherent',
  });
}

/** VFIO_GROUP_GET_DEVICE_FD, or what follows the bind of a cdev. */
export function getDeviceFailed(sys: SysTree, device: VfioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const { address, driver } = device;
  // iommufd finds out about the group only here: EPERM on 6.12, EBUSY before.
  if ((error.code === 'EPERM' || error.code === 'EBUSY') && device.vfio.viable === false) return notViable(device);
  switch (error.code) {
    case 'EBUSY':
      return busy(sys, device);
    case 'ENODEV':
      return fromSysError(error, {
        subject: address,
        device: address,
        message: `its driver, ${driver ?? 'none'}, does not offer it any more`,
        hint: `sudo udrv bind ${address} vfio-pci`,
        exit: Exit.gone,
      });
    case 'EACCES':
      return fromSysError(error, {
        subject: address,
        device: address,
        message: 'the owner of its physical function wants a VF token, which udrv does not give',
      });
    case 'EIO':
    case 'ENOTTY':
      return fromSysError(error, {
        subject: address,
        device: address,
        exit: Exit.failed,
        message: 'the device could not be woken and reset',
        hint: `is it powered? cat ${pciPath(address, 'power_state')}; dmesg | grep ${address}`,
      });
    default:
      return fromSysError(error, { subject: address, device: address });
  }
}
