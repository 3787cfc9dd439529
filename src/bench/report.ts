import { listDevices } from '../devices/list';
import { Exit, UdrvError } from '../errors';
import type { DeviceInfo } from '../model/device';
import { NO_NAMES } from '../names/database';
import { AttributeReader } from '../sys/readers/attributes';
import type { Sys, SysTree } from '../sys/sys';
import { iommuHardware } from '../vfio/inspect/iommu-hardware';
import { type Bounds, measured, type OnResult, type Result, timeEach } from './figure';
import type { BenchMachine } from './machine';
import { benchUio, uioSteps } from './uio';
import { benchUsb, usbSteps } from './usb';
import { benchVfio, vfioSteps } from './vfio';
import { type DeviceWork, workFor } from './work';

/** A device that was measured. */
export interface BenchDevice {
  address: string;
  framework: DeviceInfo['framework'];
  vendorId: string | null;
  deviceId: string | null;
  name: string;
  driver: string | null;
  /** The IOMMU before it, and the domain type of its group: `DMA-FQ`; null where there is none, or it is no PCI function. */
  iommu: { name: string; kind: string | null; mode: string | null } | null;
  results: Result[];
}

export interface BenchReport {
  schema: 'udrv.bench-report/1';
  /** The figures mean nothing: the machine is simulated. */
  simulated: boolean;
  /** False where a signal ended it. */
  complete: boolean;
  /** Begin of the measurements, ISO 8601. */
  time: string;
  machine: BenchMachine;
  /** Figures that need no device. */
  results: Result[];
  devices: BenchDevice[];
}

/**
 * Measures what needs no device, and changes nothing: two calls of the kernel, by an eventfd that is written and read,
 * and a list of all devices, from sysfs alone.
 */
export async function benchKernel(sys: Sys, bounds: Bounds, onResult: OnResult): Promise<void> {
  const fd = sys.eventfd();
  try {
    const counter = Buffer.alloc(8);
    const one = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
    const call = () => {
      sys.write(fd, one);
      sys.read(fd, counter);
    };
    await measured(onResult, bounds, 'eventfd', {}, () => timeEach('eventfd', {}, call, bounds));
  } finally {
    sys.close(fd);
  }
  const list = () => void listDevices(sys, NO_NAMES, { all: true });
  await measured(onResult, bounds, 'list', {}, () => timeEach('list', {}, list, bounds));
}

/** Describes a device for a report. */
export function describeBenchDevice(sys: SysTree, info: DeviceInfo): BenchDevice {
  const { address, framework, vendorId, deviceId, name, driver } = info;
  const pci = framework === 'uio' ? info.uio.parent : framework === 'usb' ? null : address;
  return {
    address,
    framework,
    vendorId,
    deviceId,
    name,
    driver,
    iommu: pci === null ? null : iommuOf(sys, pci),
    results: [],
  };
}

function iommuOf(sys: SysTree, address: string): BenchDevice['iommu'] {
  const hardware = iommuHardware(sys, address);
  const mode = new AttributeReader(sys).text(`/sys/bus/pci/devices/${address}/iommu_group/type`);
  return hardware && { ...hardware, mode };
}

/** Lists what {@link benchDevice} does to a device. */
export function benchSteps(info: DeviceInfo, work: DeviceWork): string[] {
  const own = workFor(info, work);
  if (info.framework === 'vfio') return vfioSteps(info, own);
  if (info.framework === 'uio') return uioSteps(info, own);
  return info.framework === 'usb' ? usbSteps(info, own) : [];
}

/** Measures a device by all that its framework has; {@link benchSteps} says what is done to it. */
export async function benchDevice(
  sys: Sys,
  info: DeviceInfo,
  work: DeviceWork,
  bounds: Bounds,
  onResult: OnResult,
): Promise<void> {
  const own = workFor(info, work);
  try {
    if (info.framework === 'vfio') await benchVfio(sys, info, own, bounds, onResult);
    else if (info.framework === 'uio') await benchUio(sys, info, own, bounds, onResult);
    else if (info.framework === 'usb') await benchUsb(sys, info, own, bounds, onResult);
    else
      onResult({
        figure: 'open',
        variant: {},
        reason: `not bound to a driver of VFIO or UIO (driver: ${info.driver ?? 'none'})`,
      });
  } catch (error) {
    if (!(error instanceof UdrvError) || error.exit !== Exit.gone) throw error;
    onResult({ figure: 'device', variant: {}, reason: error.message });
  }
}
