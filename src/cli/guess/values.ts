import type { Command } from 'commander';
import { busOf } from '../../bind/bus';
import { type ListOptions, listDevices } from '../../devices/list';
import { findDevices } from '../../devices/select';
import type { DeviceInfo } from '../../model/device';
import { type Names, NO_NAMES } from '../../names/database';
import { attempt } from '../../sys/attempt';
import type { SysTree } from '../../sys/sys';
import { sizeText } from '../../text/size';
import { interfaceName } from '../../usb/inspect/address';
import { driverText } from '../devices/driver';
import { fullName } from '../devices/full-name';
import type { DeviceArgument, DeviceChoice } from '../program/options';

export interface Candidate {
  text: string;
  /** For people. May hold any character that a device chose: escape it before printing. */
  description: string;
}

/**
 * Lists the values that an argument may have on a machine: devices, regions, endpoints, interfaces, drivers. Opens no node.
 *
 * @param given the arguments before it
 */
export function valuesOf(
  argument: DeviceArgument,
  command: Command,
  given: readonly string[],
  sys: SysTree,
  names: Names,
): Candidate[] {
  const options = devicesOf(command, argument);
  const device = () => findDevices(sys, NO_NAMES, given[0] ?? '', options.type).slice(0, 1);
  switch (argument.name()) {
    case 'region':
      return device().flatMap((one) => regions(one, options.type === 'pci'));
    case 'endpoint':
      return device().flatMap((one) => endpoints(one, endpointType(command)));
    case 'interface':
      return listDevices(sys, names, { type: 'usb' }).flatMap(interfaces);
    case 'driver':
      return [...drivers(sys, given[0] ?? ''), ...devices(sys, names, options)];
    default:
      return devices(sys, names, options);
  }
}

const TRANSFERS: Readonly<Record<string, string>> = { bulk: 'bulk', int: 'interrupt', iso: 'isochronous' };

/** Returns the type of endpoint that a command moves data with; undefined for any. */
export function endpointType(command: Command): string | undefined {
  return TRANSFERS[command.name()];
}

/** Returns the devices that an argument may be: what it says, else by the command's noun, else by its options. */
export function devicesOf(command: Command, { devices }: DeviceArgument): DeviceChoice {
  const noun = command.parent?.name();
  const { type } = command.opts<ListOptions>();
  const own = noun === 'uio' || noun === 'vfio' || noun === 'usb' || noun === 'pci' ? noun : undefined;
  return { type: type ?? own, ...devices };
}

/** Lists the devices of a choice. */
export function devices(sys: SysTree, names: Names, { frameworks, ...options }: DeviceChoice): Candidate[] {
  const found =
    frameworks === undefined
      ? listDevices(sys, names, options)
      : frameworks.flatMap((type) => listDevices(sys, names, { ...options, type }));
  return found.map((device) => {
    const driver = driverText(device);
    return { text: device.address, description: `${fullName(device)}${driver === null ? '' : `, ${driver}`}` };
  });
}

/** Lists the regions of a device. @param isBeside reached through sysfs, beside the driver: BARs alone */
function regions(device: DeviceInfo, isBeside: boolean): Candidate[] {
  if (device.framework === 'usb') return [];
  const known = device.framework === 'uio' ? device.uio.regions : device.pci.regions;
  const found = known.map(({ name, label, kind, size }) => ({
    text: name,
    description: `${label === undefined ? '' : `${label}, `}${kind}, ${sizeText(size)}`,
  }));
  // VFIO has it for every function, sysfs among the regions for none.
  return device.framework === 'vfio' && !isBeside
    ? [...found, { text: 'config', description: 'configuration space' }]
    : found;
}

/** Lists the endpoints of a type: those of the current settings, then those that only another one has. */
function endpoints(device: DeviceInfo, type: string | undefined): Candidate[] {
  if (device.framework !== 'usb') return [];
  const settings = [...device.usb.interfaces].sort((a, b) => Number(b.active) - Number(a.active));
  const found = new Map<string, string>();
  for (const { active, alt, endpoints } of settings)
    for (const { address, type: its, direction } of endpoints)
      if ((type === undefined || its === type) && !found.has(address))
        found.set(address, `${its} ${direction}${active ? '' : `, --alt ${alt}`}`);
  return Array.from(found, ([text, description]) => ({ text, description }));
}

function interfaces(device: DeviceInfo): Candidate[] {
  if (device.framework !== 'usb') return [];
  const active = device.usb.interfaces.filter((one) => one.active);
  return active.map(({ number, className, driver }) => ({
    text: interfaceName(device, number),
    description: `${device.name}: ${className}, ${driver ?? 'no driver'}`,
  }));
}

/** Lists the drivers of the bus of a device. */
function drivers(sys: SysTree, device: string): Candidate[] {
  return attempt(() => sys.readDir(busOf(sys, device).drivers), []).map((text) => ({ text, description: 'driver' }));
}
