import { Exit, SysError, UdrvError, usageError } from '../../errors';
import type { StateStore } from '../../sys/state';
import type { Sys } from '../../sys/sys';
import { AttributeReader } from '../../sys/sysfs';
import { isVfioDriver } from '../../vfio/drivers';
import { IommuGroups } from '../../vfio/groups';
import { comparePciAddresses, isPciAddress, parsePciAddress } from '../address';
import { findUses, type Use } from '../in-use';
import { notPermitted } from './diagnose';
import { type ExecuteOptions, execute } from './execute';
import { type Binding, DEFAULT, type Plan, plan } from './plan';
import { isBridge, readBinding } from './read';
import { forget, lock, recall, remember } from './remember';

const DRIVERS = '/sys/bus/pci/drivers';

/** What a command shall do to some functions. */
export type BindRequest =
  | { kind: 'bind'; addresses: readonly string[]; driver: string }
  | { kind: 'unbind'; addresses: readonly string[] }
  | { kind: 'restore'; addresses: readonly string[] };

export interface Prepared {
  /** One for each function, in the order of the request. */
  plans: readonly Plan[];
  /** What a person should know beside it. */
  notes: readonly string[];
}

export interface ChangeOptions extends ExecuteOptions {
  /** Do it to a device that is in use; not to one that a program drives. */
  force?: boolean | undefined;
}

/**
 * What a request comes to now, without doing it.
 *
 * @param store what was there before
 * @throws UdrvError exit 5 where a device would be taken from who uses it, exit 9 where a driver is not there
 */
export function prepare(sys: Sys, store: StateStore, request: BindRequest, force = false): Prepared {
  const { plans, notes } = plansFor(sys, store, request);
  const doubts = mustNotBeInUse(sys, plans, { force, bridges: request.kind === 'restore' });
  const viability = request.kind === 'bind' ? viabilityNotes(sys, plans) : [];
  return { plans, notes: [...notes, ...doubts, ...viability] };
}

/**
 * Does a request, whole or not at all. One process at a time does.
 *
 * @returns null where it was interrupted: all is as it was before
 * @throws UdrvError
 */
export async function change(
  sys: Sys,
  store: StateStore,
  request: BindRequest,
  { force = false, ...options }: ChangeOptions = {},
): Promise<Prepared | null> {
  const { plans } = plansFor(sys, store, request);
  // Who is not root may hear that there is nothing to do.
  if (!isPermitted(sys, plans)) return prepare(sys, store, request, force);
  using _ = lock(store);
  const prepared = prepare(sys, store, request, force);
  const forgets =
    request.kind === 'restore' ? [] : prepared.plans.map((plan) => remembering(sys, store, request, plan));
  let done = false;
  try {
    done = await execute(sys, prepared.plans, options);
  } finally {
    // What was put back needs no restoring; what could not be does.
    if (!done)
      for (const [i, { address, from }] of prepared.plans.entries()) if (isAs(sys, address, from)) forgets[i]?.();
  }
  if (!done) return null;
  if (request.kind === 'restore') for (const { address } of prepared.plans) forget(store, address);
  return prepared;
}

/** Also where nothing is to be done: to restore a device that had the driver already is to leave it that. */
function remembering(sys: Sys, store: StateStore, request: BindRequest, plan: Plan): () => void {
  return remember(sys, store, plan, request.kind === 'bind' ? findDriver(sys, request.driver) : null);
}

/**
 * The members of the IOMMU groups of some functions that can be given to user space: no bridges, as those must stay
 * with the kernel and never keep a group from being viable.
 *
 * @throws UdrvError exit 9 for a function without group
 */
export function withGroups(sys: Sys, addresses: readonly string[]): string[] {
  const reader = new AttributeReader(sys);
  const groups = new IommuGroups(sys);
  const members = new Set<string>();
  for (const address of addresses) {
    const group = reader.linkName(`/sys/bus/pci/devices/${address}/iommu_group`);
    if (group === null)
      throw new UdrvError('it is in no IOMMU group', {
        code: 'ENOGROUP',
        exit: Exit.unsupported,
        subject: address,
        device: address,
        hint: 'without an IOMMU there are none; drop --group',
      });
    for (const name of groups.get(Number(group)).devices)
      if (isPciAddress(name) && !isBridge(sys, name)) members.add(name);
  }
  return [...members].sort(comparePciAddresses);
}

/** The functions themselves, and those of their IOMMU groups whose bindings are remembered. */
export function withChanged(sys: Sys, store: StateStore, addresses: readonly string[]): string[] {
  const others = withGroups(sys, addresses).filter((address) => recall(sys, store, address) !== null);
  return [...new Set([...addresses, ...others])];
}

/**
 * A driver's name as the kernel has it. People know vfio-pci by its module too, `vfio_pci`.
 *
 * @throws UdrvError
 */
export function findDriver(sys: Sys, name: string): string {
  if (parsePciAddress(name) !== null) throw usageError(name, 'is a device: the driver comes last', BIND_USAGE);
  if (!/^[^/\0-\x1f\x7f]+$/.test(name) || name.startsWith('.'))
    throw usageError(name, 'is no name of a driver', BIND_USAGE);
  const drivers = new AttributeReader(sys).names(DRIVERS);
  const canonical = (text: string) => text.replaceAll('_', '-');
  const driver = drivers.includes(name) ? name : drivers.find((one) => canonical(one) === canonical(name));
  if (driver === undefined)
    throw new UdrvError('the kernel has no PCI driver of this name now', {
      code: 'ENODRIVER',
      exit: Exit.unsupported,
      subject: name,
      // Modules and drivers are mostly called alike; modprobe takes either dash.
      hint: /^[\w-]+$/.test(name) ? `load it: sudo modprobe ${name}` : `ls ${DRIVERS} shows which there are`,
    });
  return driver;
}

const BIND_USAGE = 'udrv bind DEVICE... DRIVER';

function plansFor(sys: Sys, store: StateStore, request: BindRequest): Prepared {
  const driver = request.kind === 'bind' ? findDriver(sys, request.driver) : null;
  const notes: string[] = [];
  const target = (address: string, from: Binding): Binding | typeof DEFAULT => {
    if (request.kind === 'restore') return original(sys, store, address, from, notes);
    // Without a driver the override stays: it says who may have the device next, and that is not asked for.
    return { driver, override: driver ?? from.override };
  };
  const plans = request.addresses.map((address) => {
    const from = readBinding(sys, address);
    return plan(address, from, target(address, from));
  });
  return { plans, notes };
}

/** What to restore: what was there before the first change, or what the kernel would choose. */
function original(
  sys: Sys,
  store: StateStore,
  address: string,
  now: Binding,
  notes: string[],
): Binding | typeof DEFAULT {
  const before = recall(sys, store, address);
  if (before !== null) {
    if (before.driver !== null && before.driver !== now.driver) findDriver(sys, before.driver);
    return before;
  }
  const { driver, override } = now;
  if (driver !== null && !isForUserSpace(driver)) {
    notes.push(`${address}: nothing is remembered; ${driver} has it${override === null ? '' : ', the override goes'}`);
    return { driver, override: null };
  }
  notes.push(`${address}: nothing is remembered; the kernel chooses its driver`);
  return DEFAULT;
}

/** A driver that hands the device to programs, or keeps others away: none that the kernel would choose by itself. */
function isForUserSpace(driver: string): boolean {
  return isVfioDriver(driver) || /^(?:uio_pci_generic|igb_uio|pci-stub|pciback)$/.test(driver);
}

function isAs(sys: Sys, address: string, { driver, override }: Binding): boolean {
  const now = readBinding(sys, address);
  return now.driver === driver && now.override === override;
}

/**
 * Whether the caller may change bindings. Asked before anything is written or kept, so that who is not root hears of
 * that and of nothing else.
 *
 * @returns false where there is nothing to change either
 * @throws UdrvError exit 4
 */
function isPermitted(sys: Sys, plans: readonly Plan[]): boolean {
  let permitted = true;
  for (const { address, from, steps } of plans) {
    const path = `/sys/bus/pci/devices/${address}/driver_override`;
    if (sys.access(path) === 'rw') continue;
    if (steps.length === 0) {
      permitted = false;
      continue;
    }
    try {
      // It fails, and says why: what is there already would be written.
      sys.writeFile(path, from.override ?? '\n');
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw notPermitted(address, error);
    }
  }
  return permitted;
}

/** @returns what a person should know where it is done nevertheless */
function mustNotBeInUse(
  sys: Sys,
  plans: readonly Plan[],
  { force, bridges }: { force: boolean; bridges: boolean },
): string[] {
  const changed = plans.filter(({ steps }) => steps.some(({ driver }) => driver !== undefined)).map((p) => p.address);
  const bridge = (address: string): Use[] =>
    bridges || !isBridge(sys, address) ? [] : [{ address, what: 'it is a bridge', hint: undefined, busy: false }];
  const losing = plans.filter(({ from, steps }) => from.driver !== null && steps.some((s) => s.driver === null));
  const found =
    losing.length === 0
      ? { uses: [], doubts: [] }
      : findUses(
          sys,
          losing.map((p) => p.address),
        );
  const busy = found.uses.filter((use) => use.busy);
  if (busy.length > 0) throw inUse(busy, 'EBUSY');
  const uses = [...changed.flatMap(bridge), ...found.uses];
  if (uses.length > 0 && !force) throw inUse(uses, 'EINUSE');
  const doubts = found.doubts
    .slice(0, MAX_DOUBTS)
    .map((doubt) => `could not be looked at for uses of the device: ${doubt}`);
  return [...uses.map(({ address, what }) => `${address}: ${what}`), ...doubts, ...displayNotes(sys, losing)];
}

/** No refusal: it is the usual way to give a graphics card to a guest. */
function displayNotes(sys: Sys, plans: readonly Plan[]): string[] {
  const reader = new AttributeReader(sys);
  return plans
    .filter(({ address }) => reader.number(`/sys/bus/pci/devices/${address}/boot_vga`) === 1)
    .map(({ address }) => `${address}: it is the display that the firmware chose; the console may go dark`);
}

const MAX_DOUBTS = 5;

function inUse(uses: readonly Use[], code: 'EBUSY' | 'EINUSE'): UdrvError {
  const [first] = uses;
  const address = first?.address ?? '';
  const others = uses.filter((use) => use.address !== address);
  const all = [
    ...uses.filter((use) => use.address === address).map(({ what }) => what),
    ...others.map((use) => `${use.address}: ${use.what}`),
  ].join('; ');
  const mend = first?.hint;
  const forced = mend === undefined ? 'do it nevertheless with --force' : `${mend}; or do it nevertheless with --force`;
  return new UdrvError(code === 'EBUSY' ? `in use: ${all}` : `refused: ${all}`, {
    code,
    exit: Exit.busy,
    subject: address,
    device: address,
    hint: code === 'EBUSY' ? mend : forced,
  });
}

/** Groups that functions are given to VFIO in and that can still not be opened. */
function viabilityNotes(sys: Sys, plans: readonly Plan[]): string[] {
  const after = new Map(plans.map(({ address, from, steps }) => [address, driverAfter(from, steps)]));
  const reader = new AttributeReader(sys);
  const groups = new IommuGroups(sys);
  const numbers = new Map<number, string>();
  for (const { address } of plans) {
    const group = reader.linkName(`/sys/bus/pci/devices/${address}/iommu_group`);
    if (group !== null && isVfioDriver(after.get(address) ?? null)) numbers.set(Number(group), address);
  }
  return [...numbers].flatMap(([number, address]) => {
    const blockers = groups.get(number).members.filter((member) => {
      const driver = after.get(member.name);
      return driver === undefined ? member.blocks : driver !== null && !isVfioDriver(driver);
    });
    if (blockers.length === 0) return [];
    const names = blockers.map(({ name, driver }) => `${name} (${after.get(name) ?? driver})`).join(', ');
    const command = blockers.every(({ name }) => isPciAddress(name) && !isBridge(sys, name))
      ? `udrv bind ${address} ${after.get(address)} --group`
      : `udrv unbind ${blockers.map(({ name }) => name).join(' ')}`;
    return [`group ${number} is not viable yet: in the way are ${names}; ${command}`];
  });
}

/** Undefined where that is for the kernel to choose. */
function driverAfter(from: Binding, steps: Plan['steps']): string | null | undefined {
  if (steps.some(({ path }) => path.endsWith('/drivers_probe'))) return undefined;
  const last = steps.findLast(({ driver }) => driver !== undefined);
  return last === undefined ? from.driver : (last.driver ?? null);
}
