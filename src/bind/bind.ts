import { type Cleanup, withLater } from '../cleanup';
import { SysError } from '../errors';
import type { StateStore } from '../sys/state';
import type { Sys, SysTree } from '../sys/sys';
import { busOf, devicePath } from './bus';
import { findDriver, isForUserSpace } from './driver';
import { permissionError } from './errors';
import { type ExecuteOptions, execute } from './execute';
import { mustHaveGroups } from './group';
import { type Binding, type BindPlan, DEFAULT, DEFAULT_OR_NONE, plan, type Target } from './plan';
import { mustBePossible, platformNotes } from './platform';
import { readBinding } from './read';
import { forget, lock, recall, remember } from './remember';
import { mustNotBeInUse } from './safety';
import { viabilityNotes } from './viability';

/** A change of the drivers of some devices: PCI functions, and others whose bus has driver_override. */
export type BindRequest =
  | { kind: 'bind'; addresses: readonly string[]; driver: string }
  | { kind: 'unbind'; addresses: readonly string[] }
  /** `isForgotten`: the rule that bound them at each boot is removed with it. */
  | { kind: 'restore'; addresses: readonly string[]; isForgotten?: boolean };

export interface PreparedBindings {
  /** One for each function, in the order of the request. */
  plans: readonly BindPlan[];
  /** Remarks for a person. */
  notes: readonly string[];
}

export interface ChangeOptions extends ExecuteOptions {
  /** Also change a device that is in use; never one that a program drives. */
  force?: boolean | undefined;
  /**
   * Does what belongs to the request, once nothing speaks against it and before any driver changes. The Cleanup takes
   * it back where the request fails or is interrupted.
   */
  alongside?: (() => Cleanup) | undefined;
}

/**
 * Plans a request as things stand now, without doing it.
 *
 * @param store the bindings before udrv's changes
 * @throws UdrvError exit 5 where a device is in use, exit 9 where a driver is not loaded
 */
export function prepareBindings(sys: Sys, store: StateStore, request: BindRequest, force = false): PreparedBindings {
  const { plans, notes } = plansFor(sys, store, request);
  mustHaveGroups(sys, plans);
  mustBePossible(sys, plans, force);
  const doubts = mustNotBeInUse(sys, plans, { force, bridges: request.kind === 'restore' });
  const viability = request.kind === 'bind' ? [...viabilityNotes(sys, plans), ...platformNotes(sys, plans)] : [];
  return { plans, notes: [...notes, ...doubts, ...viability] };
}

/**
 * Does a request, whole or not at all. One process at a time.
 *
 * @returns null where it was interrupted: all is as it was before
 * @throws UdrvError; failures of taking back go with it ({@link laterFailures})
 */
export async function changeBindings(
  sys: Sys,
  store: StateStore,
  request: BindRequest,
  { force = false, alongside, ...options }: ChangeOptions = {},
): Promise<PreparedBindings | null> {
  const { plans } = plansFor(sys, store, request);
  // A user who is not root may hear that there is nothing to do.
  if (!isPermitted(sys, plans)) {
    const prepared = prepareBindings(sys, store, request, force);
    alongside?.();
    return prepared;
  }
  using _ = lock(store);
  const prepared = prepareBindings(sys, store, request, force);
  const forgets =
    request.kind === 'restore' ? [] : prepared.plans.map((plan) => remembering(sys, store, request, plan));
  let done = false;
  let beside: Cleanup | undefined;
  const failures: unknown[] = [];
  try {
    beside = alongside?.();
    done = await execute(sys, prepared.plans, options);
  } catch (error) {
    failures.push(error);
  }
  if (!done) {
    attemptTo(() => beside?.close(), failures);
    // A function that was put back needs no restoring; one that was not does.
    for (const [i, { address, from }] of prepared.plans.entries())
      if (isAs(sys, address, from)) attemptTo(() => forgets[i]?.(), failures);
  }
  if (failures.length > 0) throw withLater(failures[0], failures.slice(1));
  if (!done) return null;
  if (request.kind === 'restore') for (const { address } of prepared.plans) forget(store, address);
  return prepared;
}

/** Does some work on the way out, and keeps its failure beside those before it. */
function attemptTo(work: () => void, failures: unknown[]): void {
  try {
    work();
  } catch (error) {
    failures.push(error);
  }
}

/** Also where nothing is to be done: to restore a device that had the driver already is to leave it that. */
function remembering(sys: SysTree, store: StateStore, request: BindRequest, plan: BindPlan): () => void {
  const made = request.kind === 'bind' ? findDriver(sys, request.driver, busOf(sys, plan.address)) : null;
  return remember(sys, store, plan, made);
}

function plansFor(sys: SysTree, store: StateStore, request: BindRequest): PreparedBindings {
  const notes: string[] = [];
  const target = (address: string, from: Binding): Target => {
    if (request.kind === 'restore')
      return original(sys, store, address, from, notes) ?? (request.isForgotten ? DEFAULT_OR_NONE : DEFAULT);
    const driver = request.kind === 'bind' ? findDriver(sys, request.driver, busOf(sys, address)) : null;
    // Without a driver the override stays: it says who may have the device next, and that is not asked for.
    return { driver, override: driver ?? from.override };
  };
  const plans = request.addresses.map((address) => {
    const from = readBinding(sys, address);
    return plan(address, from, target(address, from), busOf(sys, address));
  });
  return { plans, notes };
}

/** Returns the binding to restore: the one before the first change; null: the one that the kernel chooses. */
function original(sys: SysTree, store: StateStore, address: string, now: Binding, notes: string[]): Binding | null {
  const before = recall(sys, store, address);
  if (before !== null) {
    if (before.driver !== null && before.driver !== now.driver) findDriver(sys, before.driver, busOf(sys, address));
    return before;
  }
  const { driver, override } = now;
  if (driver !== null && !isForUserSpace(driver)) {
    notes.push(
      `${address}: no earlier binding is recorded: ${driver} stays${override === null ? '' : ', the override is cleared'}`,
    );
    return { driver, override: null };
  }
  notes.push(`${address}: no earlier binding is recorded: the kernel chooses the driver`);
  return null;
}

function isAs(sys: SysTree, address: string, { driver, override }: Binding): boolean {
  const now = readBinding(sys, address);
  return now.driver === driver && now.override === override;
}

/**
 * Whether the caller may change bindings. Asked before anything is written or kept, so that a user who is not root
 * hears of that and of nothing else.
 *
 * @returns false where there is nothing to change either
 * @throws UdrvError exit 4
 */
function isPermitted(sys: Sys, plans: readonly BindPlan[]): boolean {
  let permitted = true;
  for (const { address, from, steps } of plans) {
    const path = devicePath(sys, address, 'driver_override');
    if (sys.access(path) === 'rw') continue;
    if (steps.length === 0) {
      permitted = false;
      continue;
    }
    try {
      // It fails, and says why: it would write the value that is there already.
      sys.writeFile(path, from.override ?? '\n');
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      throw permissionError(address, error);
    }
  }
  return permitted;
}
