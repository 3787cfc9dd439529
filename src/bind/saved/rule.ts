/**
 * The udev rule that gives PCI functions to a driver whenever the kernel reports them, as text. Pure.
 *
 * The first line sets `driver_override` while the rules are read, before udev loads any module for the function
 * (80-drivers.rules), and has the driver's own module loaded, which then takes the function. The second line has the
 * kernel look for a driver again, for a module that was there already. Both are udev's own doing (udev(7): ATTR is
 * written at once, RUN is run after the last rule; sd_device_new_from_subsystem_sysname(3) has `[subsystem/pci]`), so
 * that no program runs. A driver that has the function already keeps it.
 */

import { isPciAddress } from '../../pci/address';
import { RULES } from '../../udev/rules-file';

/** Before 80-drivers.rules, which loads what the kernel has for a function. */
const PREFIX = '71-udrv-bind-';
const SUFFIX = '.rules';
const HEADER = '# Written by udrv';

/** The functions that a rule is for. */
export interface RuleTarget {
  /** Null: all functions with the ids. */
  address: string | null;
  /** Vendor and device, `1b36:0010`. Beside an address it keeps the rule off another device that comes there. */
  id: string;
}

export interface SavedRule extends RuleTarget {
  driver: string;
  /** The module that has the driver; mostly of its name. */
  module: string;
}

const ID = /^[0-9a-f]{4}:[0-9a-f]{4}$/;
/** Names that mean themselves in a rule, where `$`, `%`, quotes and backslashes would not. */
const NAME = /^\w[\w.+-]{0,62}$/;

/** Tells whether a name of a driver or module can stand in a rule. */
export function isRuleName(name: string): boolean {
  return NAME.test(name);
}

export function isRuleId(id: string): boolean {
  return ID.test(id);
}

export function rulePath({ address, id }: RuleTarget): string {
  return `${RULES}/${PREFIX}${address ?? id}${SUFFIX}`;
}

/** Returns the function or the ids that a file of {@link RULES} is named for; null where udrv names none so. */
export function ruleTarget(name: string): string | null {
  if (!name.startsWith(PREFIX) || !name.endsWith(SUFFIX)) return null;
  const target = name.slice(PREFIX.length, -SUFFIX.length);
  return isPciAddress(target) || isRuleId(target) ? target : null;
}

/** @throws RangeError where a part could mean something else in a rule */
export function formatRule(rule: SavedRule): string {
  const { address, id, driver, module } = rule;
  const isSound = (address === null || isPciAddress(address)) && isRuleId(id) && [driver, module].every(isRuleName);
  if (!isSound) throw new RangeError(`no rule can name ${JSON.stringify(rule)}`);
  const which = address === null ? `every PCI function ${id}` : `the PCI function ${address}, while it is a ${id},`;
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
    address: value('KERNEL', '=='),
    id: `${vendor?.slice(2)}:${device?.slice(2)}`,
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

function linesOf({ address, id, driver, module }: SavedRule): string[] {
  const [vendor, device] = id.split(':');
  const match = [
    'ACTION=="add"',
    'SUBSYSTEM=="pci"',
    ...(address === null ? [] : [`KERNEL=="${address}"`]),
    `ATTR{vendor}=="0x${vendor}"`,
    `ATTR{device}=="0x${device}"`,
  ];
  return [
    [...match, `ATTR{driver_override}="${driver}"`, `RUN{builtin}+="kmod load ${module}"`],
    [...match, 'ATTR{[subsystem/pci]drivers_probe}="$kernel"'],
  ].map((parts) => parts.join(', '));
}
