import { Exit, UdrvError } from '../errors';
import type { DeviceInfo, Framework, UioDeviceInfo, UsbDeviceInfo } from '../model/device';
import { type Names, NO_NAMES } from '../names/database';
import { parsePciAddress } from '../pci/address';
import { attempt } from '../sys/attempt';
import type { SysTree } from '../sys/sys';
import { hex } from '../text/hex';
import { inspectUio, listUio } from '../uio/inspect';
import { resolveNode } from '../uio/links';
import { firstRegister } from '../uio/register-sizes';
import { parseUsbInterface } from '../usb/inspect/address';
import { inspectUsb, listUsb } from '../usb/inspect/inspect';
import { listDevices } from './list';
import { inspectPci, listPci } from './pci-functions';

/** A device or interface name as sysfs has it: `usb1`, `1-2.3`, `1-2:1.0`. */
const USB_PATH = /^(usb\d+|\d+-\d+(?:\.\d+)*)(?::\d+\.\d+)?$/;

/** Vendor and device id, of which one may be left out. */
const IDS = /^(?=.+:|:.)(?:0x)?([0-9a-f]{4})?:(?:0x)?([0-9a-f]{4})?$/i;

/**
 * Finds every device that a selector names: those of the command-line contract (`uio0`, `0000:00:03.0`, `vfio0`, `1-2.3`,
 * `003/014`, `1d6b:0002` or `1d6b:` or `:0002`, `sn:TEXT`, a node below /dev or a link to one, a network, block or NVMe name, a UIO device's
 * name in sysfs), and a UIO device's parent (`a0010000.dma`) or base address (`0xa0010000`).
 *
 * @param type among what {@link listDevices} has of it; without, the function behind a UIO device has its UIO name
 */
export function findDevices(sys: SysTree, names: Names, selector: string, type?: Framework): DeviceInfo[] {
  const one = (device: DeviceInfo | null) => (device === null ? [] : [device]);
  const pciAddress = parsePciAddress(selector);
  if (pciAddress !== null) return one(inspectPci(sys, names, pciAddress));

  const uio = /^(?:\/dev\/)?(uio\d+)$/.exec(selector)?.[1];
  if (uio !== undefined) return one(inspectUio(sys, uio, names));

  const cdev = /^(?:\/dev\/vfio\/devices\/)?(vfio\d+)$/.exec(selector)?.[1];
  if (cdev !== undefined) return behind(sys, names, `/sys/class/vfio-dev/${cdev}`);

  const usbInterface = parseUsbInterface(selector);
  if (usbInterface !== null) {
    const there = sys.access(`/sys/bus/usb/devices/${selector}`) !== null;
    return there ? one(inspectUsb(sys, names, usbInterface.device)) : [];
  }
  if (USB_PATH.test(selector)) return one(inspectUsb(sys, names, selector));

  const group = /^\/dev\/vfio\/(?:noiommu-)?(\d+)$/.exec(selector)?.[1];
  if (group !== undefined)
    return listPci(sys, names, { vfioOnly: true }).filter((d) => d.pci.iommuGroup === Number(group));

  const busDevice = /^(?:\/dev\/bus\/usb\/)?(\d{1,3})\/(\d{1,3})$/.exec(selector);
  if (busDevice !== null) {
    const [bus, device] = [Number(busDevice[1]), Number(busDevice[2])];
    return listUsb(sys, names).filter(({ usb }) => usb.bus === bus && usb.device === device);
  }

  const ids = IDS.exec(selector);
  if (ids !== null) {
    const is = (wanted: string | undefined, id: string | null) => wanted === undefined || wanted.toLowerCase() === id;
    return listDevices(sys, names, { type, all: true }).filter((d) => is(ids[1], d.vendorId) && is(ids[2], d.deviceId));
  }

  if (selector.startsWith('sn:')) return listUsb(sys, names).filter(({ usb }) => usb.serial === selector.slice(3));

  const linked = selector.startsWith('/dev/') ? resolveNode(sys, selector) : null;
  if (linked !== null) return findDevices(sys, names, linked, type);

  const named = uioNamed(listUio(sys, [], names), selector);
  return named.length > 0 ? named : byKernelName(sys, names, selector);
}

/** Finds UIO devices by their name in sysfs, else by the device behind them, else by the address of a region. */
function uioNamed(devices: readonly UioDeviceInfo[], selector: string): UioDeviceInfo[] {
  const address = /^0x[0-9a-f]{1,16}$/i.test(selector) ? hex(BigInt(selector)) : null;
  const ways: ((device: UioDeviceInfo) => boolean)[] = [
    ({ name }) => name === selector,
    ({ uio }) => uio.parentDevice === selector,
    ({ uio }) => address !== null && uio.regions.some((region) => firstRegister(region) === address),
    ({ uio }) => address !== null && uio.regions.some((region) => region.address === address),
  ];
  return ways.map((way) => devices.filter(way)).find((found) => found.length > 0) ?? [];
}

/**
 * Finds the one device that a selector names.
 *
 * @param framework means a device of that one, whatever else has the name; where only others have it, one of those
 * @throws exit 3 where there is none, or several: they are listed
 */
export function findDevice(sys: SysTree, names: Names, selector: string, framework?: Framework): DeviceInfo {
  const all = findDevices(sys, names, selector);
  const meant = all.filter((device) => device.framework === framework);
  const found = meant.length > 0 ? meant : all;
  const [device] = found;
  if (device === undefined) throw noSuchDevice(sys, selector);
  if (found.length > 1)
    throw new UdrvError(`matches ${found.length} devices: ${found.map(describe).join(', ')}`, {
      code: 'EAMBIGUOUS',
      exit: Exit.notFound,
      hint: 'name one by its address',
      device: selector,
    });
  return device;
}

/** Makes the error of a selector that names nothing, with the names that may have been meant. @param type only of this framework */
export function noSuchDevice(sys: SysTree, selector: string, type?: Framework): UdrvError {
  // Loaded here: a listing needs none.
  const { didYouMean } = require('../text/nearest') as typeof import('../text/nearest');
  const isFramework = /^(?:uio|vfio|usb|pci)$/.test(selector);
  const driven = driverFilter(sys, selector, type);
  const busDevice = /^(\d{1,3}):(\d{1,3})$/.exec(selector);
  const meant = isFramework
    ? `udrv list --type ${selector} lists those;`
    : /^[0-9a-f]{4}$/i.test(selector)
      ? `write ids as ${selector}: for a vendor, :${selector} for a device;`
      : busDevice !== null
        ? `write ${busDevice[1]?.padStart(3, '0')}/${busDevice[2]?.padStart(3, '0')} for bus and device number;`
        : didYouMean(selector, deviceNames(sys, type));
  return new UdrvError('no such device', {
    code: 'ENODEV',
    exit: Exit.notFound,
    hint: driven ?? `${meant === undefined ? '' : `${meant} `}udrv list --all shows what there is`,
    device: selector,
  });
}

/** Tells how to list the devices of a driver; undefined where a word is no driver of any. @param type only of this framework */
export function driverFilter(sys: SysTree, driver: string, type?: Framework): string | undefined {
  const driversOf = (device: DeviceInfo) => (device.framework === 'usb' ? device.drivers : [device.driver]);
  const device = listDevices(sys, NO_NAMES, { type, all: true }).find((one) => driversOf(one).includes(driver));
  if (device === undefined) return undefined;
  // A list has the drivers of all interfaces in one text.
  const operator = driversOf(device).length === 1 ? '=' : '~';
  return `that is a driver: udrv list --all --filter driver${operator}${driver} lists its devices`;
}

/** Lists the names of a machine's devices that people type. @param type only of this framework */
export function deviceNames(sys: SysTree, type?: Framework): string[] {
  return listDevices(sys, NO_NAMES, { type, all: true }).flatMap(namesOf);
}

function namesOf(device: DeviceInfo): string[] {
  const { address, framework, node } = device;
  const short = address.startsWith('0000:') ? [address.slice('0000:'.length)] : [];
  return [address, ...short, ...(node === null ? [] : [node]), ...(framework === 'uio' ? [device.name] : [])];
}

/** Names a device with what tells it from another that has the same name or ids. */
function describe(device: DeviceInfo): string {
  const { address, framework } = device;
  if (framework === 'usb') return device.usb.serial === null ? address : `${address} (sn:${device.usb.serial})`;
  if (framework === 'uio') {
    const base = device.uio.regions.find((region) => region.address !== null)?.address ?? null;
    const tells = [device.uio.parentDevice, base].filter((text) => text !== null);
    return tells.length === 0 ? address : `${address} (${tells.join(', ')})`;
  }
  return `${address} (${device.driver ?? 'no driver'})`;
}

/**
 * Finds a device by a name that a kernel driver gave, or by its node: `eth0`, `nvme0n1`, `/dev/ttyUSB0`,
 * `/dev/snd/pcmC0D0p`. sysfs's path of the name leads through the device. A path elsewhere must not select a device.
 */
function byKernelName(sys: SysTree, names: Names, selector: string): DeviceInfo[] {
  const last = /^(?:\/dev\/(?:[^/.][^/]*\/)*)?([^/.][^/]*)$/.exec(selector)?.[1];
  if (last === undefined) return [];
  for (const className of attempt(() => sys.readDir('/sys/class'), [])) {
    const devices = behind(sys, names, `/sys/class/${className}/${last}`);
    if (devices.length > 0) return devices;
  }
  return [];
}

/** Finds the USB device, or else the PCI function, nearest above a class device. */
function behind(sys: SysTree, names: Names, classDevice: string): DeviceInfo[] {
  const steps = attempt(() => sys.readLink(classDevice), '')
    .split('/')
    .reverse();
  const usb = steps.map((step) => USB_PATH.exec(step)?.[1]).find((path) => path !== undefined);
  const pci = steps.map(parsePciAddress).find((address) => address !== null);
  const device: UsbDeviceInfo | DeviceInfo | null =
    usb !== undefined ? inspectUsb(sys, names, usb) : pci !== undefined ? inspectPci(sys, names, pci) : null;
  return device === null ? [] : [device];
}
