import { isPciAddress } from '../../pci/address';
import { PCI_DEVICES } from '../../pci/paths';
import { AttributeReader } from '../../sys/readers/attributes';
import type { Sys, SysTree } from '../../sys/sys';
import { type FileChange, foreignFileError, mustHaveRules, ownText } from '../../udev/files';
import { busOf, PCI } from '../bus';
import { inUseError } from '../errors';
import { claimProbe } from '../in-use/storage';
import { plan } from '../plan';
import { readBinding, readIdentity } from '../read';
import { findObjections, mustNotBeInUse } from '../safety';
import { conflictError, unnamableError } from './errors';
import { builtInNotes, initramfsNotes } from './initramfs';
import { listSaved, nameOf, type SavedBinding } from './list';
import { formatRule, isOurs, isRuleDevice, isRuleId, isRuleName, parseRule, type RuleTarget, rulePath } from './rule';

export interface PreparedFiles {
  changes: readonly FileChange[];
  /** Remarks for a person. */
  notes: readonly string[];
}

export interface SaveOptions {
  /** For all functions with the ids of those that are named, now and later. */
  byId?: boolean | undefined;
  /** Also for a device that is in use; never for the one that has the root file system. */
  force?: boolean | undefined;
}

/**
 * Prepares the files that give devices to a driver at each boot. Nothing is written.
 *
 * @param addresses devices that are there, of one bus
 * @throws UdrvError exit 5 where driverctl or another rule gives them to another driver, where a file is not udrv's, or
 *   where one of the functions is in use; exit 9 without udev
 */
export function prepareSaving(
  sys: Sys,
  addresses: readonly string[],
  driver: string,
  { byId = false, force = false }: SaveOptions = {},
): PreparedFiles {
  mustHaveRules(sys, 'without --save the binding lasts until the machine starts anew');
  const reader = new AttributeReader(sys);
  const bus = addresses[0] === undefined ? PCI : busOf(sys, addresses[0]);
  const module = reader.linkName(`${bus.drivers}/${driver}/module`) ?? driver;
  for (const name of [driver, module])
    if (!isRuleName(name))
      throw unnamableError(driver, `the name ${name} has other characters than A-Z a-z 0-9 _ . + -`);
  const targets = targetsOf(sys, addresses, byId);
  const functions = [...new Set(targets.flatMap((target) => functionsOf(sys, target)))];
  mustNotHurt(sys, functions, { addresses, driver, force });
  const { saved } = listSaved(sys);
  const changes: FileChange[] = [];
  const notes: string[] = [];
  for (const target of targets) {
    const path = rulePath(target);
    const name = nameOf(target);
    const others = saved.filter((one) => one.path !== path && isFor(one, target, functionsOf(sys, target)));
    const other = others.find((one) => one.driver !== driver);
    if (other !== undefined) throw conflictError(name, other);
    const same = others.find((one) => one.address === target.address && one.writer === 'driverctl');
    if (same !== undefined) {
      notes.push(`${name}: driverctl binds it to ${driver} at each boot already: ${same.path}`);
      continue;
    }
    const before = ownText(sys, path);
    if (before !== null && parseRule(before) === null) throw foreignFileError(path);
    changes.push({ path, before, after: formatRule({ ...target, driver, module }) });
    notes.push(`${name}: bound to ${driver} at each boot: ${path}`);
  }
  notes.push(...initramfsNotes(sys, functions, driver, changedPaths(changes)), ...builtInNotes(sys, functions, driver));
  return { changes, notes };
}

/**
 * Prepares the removal of the files that give functions to a driver at each boot, those for their ids included.
 *
 * @param names addresses of functions that need not be there, and ids; names of devices on other buses
 * @throws UdrvError exit 5 where driverctl saved the binding, or a file is not udrv's
 */
export function prepareForgetting(sys: SysTree, names: readonly string[]): PreparedFiles {
  const { saved } = listSaved(sys);
  const found = new Map<string, FileChange>();
  const notes: string[] = [];
  for (const name of names) {
    const id = isPciAddress(name) ? readIdentity(sys, name) : name;
    const its = saved.filter((one) => nameOf(one) === name);
    if (isPciAddress(name)) its.push(...saved.filter((one) => one.address === null && one.id === id));
    if (its.length === 0) notes.push(`${name}: no binding is saved`);
    for (const one of its) {
      if (one.writer === 'driverctl') throw conflictError(name, one);
      const before = ownText(sys, one.path);
      if (before === null || !isOurs(before)) throw foreignFileError(one.path);
      found.set(one.path, { path: one.path, before, after: null });
      const forAll = one.address === null ? `, nor is any other ${one.id}` : '';
      notes.push(`${name}: no longer bound to ${one.driver ?? 'its driver'} at each boot${forAll}`);
    }
  }
  const changes = [...found.values()];
  notes.push(...initramfsNotes(sys, names.filter(isPciAddress), null, changedPaths(changes)));
  return { changes, notes };
}

function changedPaths(changes: readonly FileChange[]): string[] {
  return changes.filter(({ before, after }) => before !== after).map(({ path }) => path);
}

function targetsOf(sys: SysTree, addresses: readonly string[], byId: boolean): RuleTarget[] {
  const targets = new Map<string, RuleTarget>();
  for (const address of addresses) {
    const bus = busOf(sys, address).name;
    if (bus !== 'pci') {
      if (byId) throw unnamableError(address, 'only PCI functions have the ids that --by-id goes by');
      if (!isRuleDevice(bus, address)) throw unnamableError(address, `a device of the bus ${bus} with such a name`);
      targets.set(address, { bus, address, id: null });
      continue;
    }
    const id = readIdentity(sys, address);
    if (!isRuleId(id)) throw unnamableError(address, 'its vendor and device cannot be read');
    targets.set(byId ? id : address, { bus, address: byId ? null : address, id });
  }
  return [...targets.values()];
}

function functionsOf(sys: SysTree, { address, id }: RuleTarget): string[] {
  if (address !== null) return [address];
  return new AttributeReader(sys).names(PCI_DEVICES).filter((name) => readIdentity(sys, name) === id);
}

/** Whether a saved binding is for functions that a new one would be for. */
function isFor({ bus, address, id }: SavedBinding, target: RuleTarget, functions: readonly string[]): boolean {
  if (bus !== target.bus) return false;
  return address === null ? id === target.id : functions.includes(address);
}

interface Saving {
  /** The functions that are bound now too, for which that is looked at elsewhere. */
  addresses: readonly string[];
  driver: string;
  force: boolean;
}

/** @throws UdrvError exit 5 where a function could not lose its driver now, and so should not at the next boot */
function mustNotHurt(sys: Sys, functions: readonly string[], { addresses, driver, force }: Saving): void {
  const plans = functions.map((address) =>
    plan(address, readBinding(sys, address), { driver, override: driver }, busOf(sys, address)),
  );
  const others = plans.filter(({ address }) => !addresses.includes(address));
  if (others.length > 0) mustNotBeInUse(sys, others, { force, bridges: false });
  if (!force) return;
  // The machine would not start any more.
  const vital = findObjections(sys, plans, { bridges: true, isClaimed: claimProbe(sys) }).uses.filter(
    (use) => use.vital,
  );
  if (vital.length > 0) throw inUseError(vital, 'EINUSE');
}
