import { fromSysError, type SysError, type UdrvError } from '../../errors';
import type { UsbDeviceInfo } from '../../model/device';
import { attempt } from '../../sys/attempt';
import { AttributeReader } from '../../sys/readers/attributes';
import { findHolders } from '../../sys/readers/holders';
import type { Sys, SysTree } from '../../sys/sys';
import { interfaceName } from '../inspect/address';
import { driverOf, USBFS_DRIVER } from './usbfs';

/** What failed system calls on a USB device mean: the errnos are the same, what mends them depends on the call. */

const MEMORY_LIMIT = '/sys/module/usbcore/parameters/usbfs_memory_mb';

/** A udev rule that lets who is logged in use the device. The ids are hex digits: nothing of the device's own text. */
export function udevRule({ vendorId, deviceId }: UsbDeviceInfo): string {
  return `SUBSYSTEM=="usb", ATTR{idVendor}=="${vendorId ?? '*'}", ATTR{idProduct}=="${deviceId ?? '*'}", TAG+="uaccess", MODE="0660"`;
}

export function openError(error: SysError, device: UsbDeviceInfo): UdrvError {
  const advice: Record<string, { message?: string; hint: string }> = {
    EACCES: {
      hint: `put ${udevRule(device)} into /etc/udev/rules.d/70-udrv.rules and plug it in again; or run as root`,
    },
    EPERM: { hint: 'a container must be given the device: --device or a cgroup rule' },
    ENOENT: {
      message: 'the kernel has this device, but its node is missing',
      hint: 'in a container, pass /dev/bus/usb in; else: sudo udevadm trigger -s usb',
    },
    ENODEV: { message: 'the device went away', hint: 'udrv list --type usb' },
    EIO: {
      message: 'the device does not wake up',
      hint: `cat /sys/bus/usb/devices/${device.address}/power/runtime_status; to keep it awake: echo on > .../power/control`,
    },
  };
  return fromSysError(error, { ...advice[error.code], device: device.address });
}

/** @param options.detach whether it was tried to take the interface from its driver */
export function claimError(
  sys: Sys,
  fd: number,
  device: UsbDeviceInfo,
  intf: number,
  error: SysError,
  { detach }: { detach: boolean },
): UdrvError {
  const subject = interfaceName(device, intf);
  const about = { subject, device: device.address };
  if (error.code === 'ENOENT' || error.code === 'EINVAL')
    return fromSysError(error, {
      ...about,
      message: 'no such interface in the active configuration',
      hint: `udrv usb show ${device.address}`,
    });
  if (error.code !== 'EBUSY') return fromSysError(error, about);
  const driver = attempt(() => driverOf(sys, fd, intf), null);
  if (driver === USBFS_DRIVER) return heldBy(sys, error, device, subject);
  if (driver === null) return fromSysError(error, about);
  return fromSysError(error, {
    ...about,
    message: `is driven by ${driver}`,
    hint: detach ? undefined : `--detach takes it from ${driver} and gives it back afterwards`,
  });
}

/** Another process has claimed the interface. */
export function heldBy(sys: SysTree, error: SysError, device: UsbDeviceInfo, subject: string): UdrvError {
  const { holders } = findHolders(sys, device.node === null ? [] : [device.node]);
  const others = holders.filter(({ pid }) => pid !== process.pid);
  const names = others.map(({ pid, command }) => `${command} (pid ${pid})`);
  return fromSysError(error, {
    subject,
    device: device.address,
    message: `is claimed by ${names.length > 0 ? names.join(', ') : 'another process, which only root can see'}`,
    hint: others[0] === undefined ? `sudo fuser -v ${device.node}` : `end that process first: kill ${others[0].pid}`,
  });
}

/** Why the kernel did not take an URB. */
export function submitError(sys: SysTree, device: UsbDeviceInfo, endpoint: string, error: SysError): UdrvError {
  const advice: Record<string, { message: string; hint?: string }> = {
    ENOMEM: {
      message: `no memory for the transfer: what all processes have in flight is limited to ${memoryLimit(sys)}`,
      hint: `smaller --chunk or --queue, or: echo 256 | sudo tee ${MEMORY_LIMIT}`,
    },
    ENOSPC: { message: 'the bus has no bandwidth left for it', hint: 'an alternate setting with smaller packets' },
    EHOSTUNREACH: { message: 'the device is suspended or not configured' },
    ENOENT: { message: 'is no endpoint of the current alternate setting', hint: `udrv usb show ${device.address}` },
    EMSGSIZE: { message: 'the packets are larger than the endpoint takes' },
    EINVAL: { message: 'the kernel does not take such a transfer' },
    ENODEV: { message: 'the device went away' },
  };
  return fromSysError(error, {
    subject: `${device.address} ${endpoint}`,
    device: device.address,
    ...advice[error.code],
  });
}

function memoryLimit(sys: SysTree): string {
  const megabytes = new AttributeReader(sys).number(MEMORY_LIMIT);
  return megabytes === null ? 'usbfs_memory_mb' : `${megabytes} MiB (usbfs_memory_mb)`;
}
