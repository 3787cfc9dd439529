import { type Action, checkAction, locationsOf } from '../model/action';
import type { DeviceInfo, Region } from '../model/device';
import { checkLocation, type Location } from '../model/location';
import { findRegion } from '../model/registers';
import { hex } from '../text/hex';

/** The parts of a device that may be touched for a measurement: none is, unless it is named. */
export interface DeviceWork {
  /** Registers that are read. */
  registers: readonly Location[];
  /** Writes by which the device raises its interrupt; empty where none is known. */
  trigger: readonly Action[];
  /** Writes that silence it. */
  acknowledge: readonly Action[];
  /** Addresses of USB endpoints. */
  endpoints: readonly number[];
  /** Transfers in flight. */
  queues: readonly number[];
  /** Bytes of the largest mapping. */
  maxSize: number;
}

/** Returns the part of a work that a device has the regions for. @throws usage where a register is not in its region */
export function workFor(device: DeviceInfo, work: DeviceWork): DeviceWork {
  const { address } = device;
  const regions = regionsOf(device);
  const has = ({ region }: Location) => regions.some(({ name }) => name === region);
  const own = (actions: readonly Action[]) => {
    const found = actions.filter((action) => locationsOf(action).every(has));
    for (const action of found) checkAction(action, address, regions);
    return found;
  };
  const registers = work.registers.filter(has);
  for (const register of registers) checkLocation(address, findRegion(address, regions, register.region), register);
  return {
    ...work,
    registers,
    trigger: own(work.trigger),
    acknowledge: own(work.acknowledge),
    endpoints: device.framework === 'usb' ? work.endpoints : [],
  };
}

/** Regions of a device as sysfs has them. */
export function regionsOf(device: DeviceInfo): readonly Region[] {
  if (device.framework === 'usb') return [];
  return device.framework === 'uio' ? device.uio.regions : device.pci.regions;
}

/** Tells whether all registers can be reached by mappings. */
export function isMappable(locations: readonly Location[], regions: readonly Region[]): boolean {
  return locations.every(({ region }) => regions.some(({ name, mmap }) => name === region && mmap));
}

/** Why no register was read. */
export const NO_REGISTER = 'no --register was named';

export const locationText = ({ region, offset, width }: Location): string => `${region}:${hex(offset)}/${width}`;
