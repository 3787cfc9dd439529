/**
 * The udev rule that gives devices to a driver whenever the kernel reports them, as text. Pure.
 *
 * The first line sets `driver_override` while the rules are read, before udev loads any module for the function
 * (80-drivers.rules), and has the driver's own module loaded, which then takes the function. The second line has the
 * kernel look for a driver again, for a module that was there already. Both are udev's own doing (udev(7): ATTR is
 * written at once, RUN is run after the last rule; sd_device_new_from_subsystem_sysname(3) has `[subsystem/pci]`), so
 * that no program runs. A driver that has the function already keeps it.
 */

import { isPciAddress } from '../../pci/address';
import { RULES } from '../../udev/rules-file';
import { OVERRIDE_BUSES } from '../bus';

/** Before 80-drivers.rules, which loads what the kernel has for a function. */
const PREFIX = '71-udrv-bind-';
const SUFFIX = '.rules';
const HEADER = '# Written by udrv';

/** The devices that a rule is for. */
export interface RuleTarget {
  bus: string;
  /** Null: all functions with the ids. */
  address: string | null;
  /**
   * Vendor and device, `1b36:0010`. Beside an address it keeps the rule off another device that comes there. Null on
   * other buses than PCI, where a name stands for the place of a device that does not change.
   */
  id: string | null;
}

export interface SavedRule extends RuleTarget {
  driver: string;
  /** The module that has the driver; mostly of its name. */
  module: string;
}

/** Buses whose devices are saved by their names; all that {@link OVERRIDE_BUSES} has but PCI. */
const BUSES = OVERRIDE_BUSES.filter((name) => name !== 'pci');

const ID = /^[0-9a-f]{4}:[0-9a-f]{4}$/;
/** Names that mean themselves in a rule, where `$`, `%`, quotes and backslashes would not. */
const NAME = /^\w[\w.+-]{0,62}$/;

/** Names of devices on other buses, `ff500000.dma`, `PNP0C09:00`, that mean themselves in a rule and in a file's name. */
const DEVICE = /^\w[\w.:+-]{0,62}$/;

/** Tells whether a rule can name a device of another bus than PCI. */
export function isRuleDevice(bus: string, name: string): boolean {
  return BUSES.includes(bus) && DEVICE.test(name) && !isPciAddress(name) && !isRuleId(name);
}

/** Tells whether a name of a driver or module can stand in a rule. */
export function isRuleName(name: string): boolean {
  return NAME.test(name);
}

export function isRuleId(id: string): boolean {
  return ID.test(id);
}

export function rulePath({ bus, address, id }: RuleTarget): string {
  return `${RULES}/${PREFIX}${bus === 'pci' ? '' : `${bus}-`}${address ?? id}${SUFFIX}`;
}

/** Returns the devices that a file of {@link RULES} is named for, without the ids of a function; null where udrv names none so. */
export function ruleTarget(name: string): RuleTarget | null {
  if (!name.startsWith(PREFIX) || !name.endsWith(SUFFIX)) return null;
  const target = name.slice(PREFIX.length, -SUFFIX.length);
  if (isPciAddress(target)) return { bus: 'pci', address: target, id: null };
  if (isRuleId(target)) return { bus: 'pci', address: null, id: target };
  const bus = BUSES.find((one) => target.startsWith(`${one}-`));
  const address = target.slice((bus?.length ?? 0) + 1);
  return bus !== undefined && isRuleDevice(bus, address) ? { bus, address, id: null } : null;
}

/** @throws RangeError where a part could mean something else in a rule */
export function formatRule(rule: SavedRule): string {
  const { bus, address, id, driver, module } = rule;
  const isFunction = bus === 'pci' && id !== null && isRuleId(id) && (address === null || isPciAddress(address));
  const isDevice = bus !== 'pci' && id === null && address !== null && isRuleDevice(bus, address);
  if (!(isFunction || isDevice) || ![driver, module].every(isRuleName))
    throw new RangeError(`no rule can name ${JSON.stringify(rule)}`);
  const one = address === null ? `every PCI function ${id}` : `the PCI function ${address}, while it is a ${id},`;
  const which = isDevice ? `the ${bus} device ${address}` : one;
  return [
    `${HEADER} bind --save: gives ${which} to ${driver} when the kernel reports it.`,
    '# A driver that has it already keeps it. To end this, remove the file, which is what this does:',
    `#   udrv restore ${address ?? id} --forget`,
    ...linesOf(rule),
    '',
  ].join('\n');
}

/** Reads a rule back; null where a file says anything else than one that {@link formatRule} made. */
export function parseRule(text: string): SavedRule | null {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const value = (key: string, operator: string) => {
    const start = `${key}${operator}"`;
    const part = lines[0]?.split(', ').find((one) => one.startsWith(start));
    return part?.slice(start.length, -1) ?? null;
  };
  const [vendor, device] = [value('ATTR{vendor}', '=='), value('ATTR{device}', '==')];
  const rule = {
    bus: value('SUBSYSTEM', '==') ?? '',
    address: value('KERNEL', '=='),
    id: vendor === null ? null : `${vendor.slice(2)}:${device?.slice(2)}`,
    driver: value('ATTR{driver_override}', '=') ?? '',
    module: value('RUN{builtin}', '+=')?.slice('kmod load '.length) ?? '',
  };
  try {
    // Whatever was not understood is missing here.
    return isOurs(text) && formatRule(rule).split('\n').slice(3, -1).join('\n') === lines.join('\n') ? rule : null;
  } catch {
    return null;
  }
}

/** Tells whether a text is from udrv, though it may have been changed since. */
export function isOurs(text: string): boolean {
  return text.startsWith(HEADER);
}

function linesOf({ bus, address, id, driver, module }: SavedRule): string[] {
  const [vendor, device] = id?.split(':') ?? [];
  const match = [
    'ACTION=="add"',
    `SUBSYSTEM=="${bus}"`,
    ...(address === null ? [] : [`KERNEL=="${address}"`]),
    ...(id === null ? [] : [`ATTR{vendor}=="0x${vendor}"`, `ATTR{device}=="0x${device}"`]),
  ];
  return [
    [...match, `ATTR{driver_override}="${driver}"`, `RUN{builtin}+="kmod load ${module}"`],
    [...match, `ATTR{[subsystem/${bus}]drivers_probe}="$kernel"`],
  ].map((parts) => parts.join(', '));
}
