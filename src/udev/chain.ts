import { posix } from 'node:path';
import type { DeviceInfo } from '../model/device';
import type { AttributeReader } from '../sys/readers/attributes';
import { UIO_CLASS } from '../uio/inspect';
import { USB_DEVICES } from '../usb/inspect/inspect';

/** A device of sysfs as rules see it. */
export interface SysDevice {
  /** Below /sys. */
  path: string;
  kernel: string;
  subsystem: string | null;
  driver: string | null;
}

/** Sysfs is not deeper than this; a hostile tree may be. */
const MAX_DEPTH = 32;

/** Returns the devices whose nodes a program opens to use a device: each first, then its parents up to the root. */
export function nodeChains(reader: AttributeReader, device: DeviceInfo): SysDevice[][] {
  return classPaths(device).map((path) => chainOf(reader, path));
}

function classPaths(device: DeviceInfo): string[] {
  switch (device.framework) {
    case 'uio':
      return [`${UIO_CLASS}/${device.address}`];
    case 'usb':
      return [`${USB_DEVICES}/${device.address}`];
    case 'vfio': {
      const { group, cdev } = device.vfio;
      const of = (name: string, value: string | number | null) =>
        value === null ? [] : [`/sys/class/${name}/${value}`];
      return [...of('vfio', group), ...of('vfio-dev', cdev)];
    }
    case 'pci':
      return [];
  }
}

function chainOf(reader: AttributeReader, path: string): SysDevice[] {
  const link = reader.link(path);
  const real = link === null ? path : posix.resolve(posix.dirname(path), link);
  const chain: SysDevice[] = [];
  for (let at = real; at.startsWith('/sys/') && chain.length < MAX_DEPTH; at = posix.dirname(at)) {
    const subsystem = reader.linkName(`${at}/subsystem`);
    const isDevice = at === real || subsystem !== null;
    if (isDevice)
      chain.push({ path: at, kernel: posix.basename(at), subsystem, driver: reader.linkName(`${at}/driver`) });
  }
  return chain;
}
