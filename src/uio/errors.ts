/**
 * The errors of UIO, in a user's words. A state that keeps a request from working has its name (`noInterruptLine`); a
 * system call that failed is `...Failed`, and takes the errno that the kernel gave.
 */

import { Exit, type ExitCode, fromSysError, SysError, UdrvError, usageError } from '../errors';
import type { Region, UioDeviceInfo } from '../model/device';
import { wentAway } from '../pci/errors';
import type { Sys } from '../sys/sys';
import { hex } from '../text/hex';
import { whyNotMappable } from './mappable';

interface Details {
  code: string;
  exit: ExitCode;
  hint?: string | undefined;
  /** Part of the device: a region. */
  part?: string | undefined;
}

function deviceError({ address }: UioDeviceInfo, message: string, { code, exit, hint, part }: Details): UdrvError {
  const subject = part === undefined ? address : `${address} ${part}`;
  return new UdrvError(message, { code, exit, hint, subject, device: address });
}

/** open(2) of the node. */
export function openFailed(device: UioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const node = error.path;
  const advice: Record<string, { message?: string; hint: string }> = {
    EACCES: {
      hint: `run as root, or: sudo chown "$USER" ${node}  (for good, a udev rule: SUBSYSTEM=="uio", GROUP="plugdev", MODE="0660")`,
    },
    EPERM: { hint: 'a container must be given the device: --device or a cgroup rule' },
    ENOENT: {
      message: 'the kernel has this device, but its node is missing',
      hint: 'in a container, pass the node in; else: sudo udevadm trigger -s uio',
    },
    ENODEV: { message: 'the device went away', hint: 'udrv list --type uio' },
  };
  return fromSysError(error, { ...advice[error.code], device: device.address });
}

/** open(2) or mmap(2) of a buffer of u-dma-buf. */
export function uDmaBufFailed(name: string, node: string, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const advice: Record<string, { message?: string; hint: string }> = {
    EACCES: { hint: `run as root, or: sudo chown "$USER" ${node}` },
    ENOENT: { message: 'the kernel has this buffer, but its node is missing', hint: `ls -l ${node}` },
  };
  return fromSysError(error, { ...advice[error.code], subject: name });
}

/** read(2) of the node: a device that had an interrupt answers EIO once it is unregistered. */
export function readFailed(device: UioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError) || (error.code !== 'EIO' && error.code !== 'ENODEV')) return error;
  return wentAway(device.address);
}

/** A device whose driver registered no interrupt: the node answers EIO. */
export function noInterruptLine(device: UioDeviceInfo): UdrvError {
  return deviceError(device, `has no interrupt: its driver, ${device.driver ?? 'unknown'}, registered none`, {
    code: 'EIO',
    exit: Exit.unsupported,
    hint:
      device.driver === 'uio_pci_generic'
        ? 'uio_pci_generic serves INTx only; for MSI or MSI-X bind vfio-pci'
        : 'give it one in the device tree or the platform data, or poll its registers',
  });
}

/** A driver without irqcontrol: a write to the node answers ENOSYS. */
export function noIrqcontrol(device: UioDeviceInfo): UdrvError {
  return deviceError(device, `its driver, ${device.driver ?? 'unknown'}, has no irqcontrol`, {
    code: 'ENOSYS',
    exit: Exit.unsupported,
  });
}

export function noInterruptDisable({ address }: UioDeviceInfo): UdrvError {
  return usageError(address, 'not a PCI function: it has no Interrupt Disable', 'use --rearm irqcontrol or none');
}

/** open(2) of the configuration space, for Interrupt Disable. */
export function openConfigFailed(device: UioDeviceInfo, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  if (error.code === 'ENOENT') return wentAway(device.address);
  const forbidden = error.code === 'EACCES';
  return fromSysError(error, {
    device: device.address,
    message: `${forbidden ? 'permission denied' : 'cannot be opened'}: the interrupt is switched by Interrupt Disable in the configuration space`,
    hint: forbidden
      ? 'run this command with sudo; the udev rules in udrv-uio(1) grant it for good; watch-irq --rearm none does without, for one interrupt'
      : undefined,
  });
}

/** write(2) of the node: once the device is unregistered it is EINVAL (uio_write() in uio.c). */
export function controlFailed(device: UioDeviceInfo, error: unknown): unknown {
  return error instanceof SysError && error.code === 'EINVAL' ? wentAway(device.address) : error;
}

/** read(2) and write(2) of the configuration space, which sysfs refuses once the function is removed. */
export function configFailed(device: UioDeviceInfo, error: unknown): unknown {
  return error instanceof SysError && error.code === 'ENODEV' ? wentAway(device.address) : error;
}

/** write(2) to the configuration space, after the node was closed. @param parent PCI address */
export function restoreBusMasterFailed(
  device: Pick<UioDeviceInfo, 'address'>,
  parent: string,
  error: unknown,
): unknown {
  if (!(error instanceof SysError)) return error;
  return fromSysError(error, {
    message: 'closing the node switched bus mastering off, and it could not be put back',
    hint: `sudo setpci -s ${parent} COMMAND=4:4`,
    device: device.address,
  });
}

/** mmap(2) of a map, through the node. ENODEV is not only a device that went away: uio_mmap_physical() in uio.c. */
export function mapFailed(sys: Sys, device: UioDeviceInfo, region: Region, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  const details = { subject: `${device.address} ${region.name}`, device: device.address };
  if (error.code === 'EPERM')
    return fromSysError(error, {
      ...details,
      message: 'the kernel forbids the mapping',
      hint: 'a security policy (SELinux, AppArmor) may: sudo dmesg',
    });
  const refused = error.code === 'ENODEV' || error.code === 'EINVAL';
  if (!refused) return fromSysError(error, { ...details, message: 'cannot be mapped' });
  if (sys.access(`/sys/class/uio/${device.address}`) === null)
    return fromSysError(error, { ...details, message: 'the device went away', exit: Exit.gone });
  const { message, hint } = whyNotMappable(region, sys.pageSize);
  return fromSysError(error, { ...details, message: `cannot be mapped: ${message}`, hint, exit: Exit.unsupported });
}

/** A register in the last page of a map, where that is no whole page: uio_mmap_physical() maps whole ones only. */
export function pageNotMapped(device: UioDeviceInfo, region: Region, offset: number, pageSize: number): UdrvError {
  return deviceError(
    device,
    `offset ${hex(offset)} cannot be mapped: the region has ${hex(region.size)} bytes, and the kernel maps whole pages of ${hex(pageSize)}`,
    { code: 'EINVAL', exit: Exit.unsupported, part: region.name },
  );
}

export function notReachable(device: UioDeviceInfo, region: Region): UdrvError {
  return deviceError(device, 'no PCI BAR holds this region, and there is no other way to it', {
    code: 'EOPNOTSUPP',
    exit: Exit.unsupported,
    part: region.name,
  });
}
