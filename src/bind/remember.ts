import { SysError, UdrvError } from '../errors';
import { comparePciAddresses, isPciAddress } from '../pci/address';
import { StateLocked, type StateStore } from '../sys/state';
import type { SysTree } from '../sys/sys';
import { devicePath } from './bus';
import { lockedError, stateError, unidentifiedError } from './errors';
import type { Binding, BindPlan } from './plan';
import { readIdentity } from './read';

/** The directory on a real machine, one file for each function. Bindings do not outlive a boot, nor does /run. */
export const STATE_DIRECTORY = '/run/udrv/bind';

/** A driver's name: the kernel takes less than a page, and a slash would lead out of sysfs. */
const NAME = /^[^/\0-\x1f\x7f]{1,255}$/;

interface Record extends Binding {
  /** The device's ids: another may have replaced it. */
  id: string;
  /** The driver that udrv gave it since, or was about to give it. */
  made: string | null;
  /** Another driver of udrv's that it had then: a process that is killed between the record and its action leaves it that. */
  was: string | null;
}

/** Returns the binding before udrv's first change; null where that is not known, or another device is there now. */
export function recall(sys: SysTree, store: StateStore, address: string): Binding | null {
  const record = readRecord(sys, store, address);
  return record === null ? null : { driver: record.driver, override: record.override };
}

/** Beside the records there may be other files. */
function isThere(sys: SysTree, address: string): boolean {
  return sys.access(devicePath(sys, address, 'driver_override')) !== null;
}

/** Tells whether a device's record is its own. One that cannot be told is among them: to restore it says why. */
function isRecorded(sys: SysTree, store: StateStore, address: string): boolean {
  try {
    return recall(sys, store, address) !== null;
  } catch (error) {
    if (error instanceof UdrvError) return true;
    throw error;
  }
}

/** Lists the devices that udrv has given another driver and not given back, by address. */
export function remembered(sys: SysTree, store: StateStore): string[] {
  const addresses = keeping('bindings', () => store.names());
  return addresses
    .filter((address) => isThere(sys, address))
    .filter((address) => isRecorded(sys, store, address))
    .sort(comparePciAddresses);
}

/**
 * Keeps a function's binding before it gets another driver. A record that exists already stays, unless somebody else
 * has bound the function since: then that binding is the one to restore.
 *
 * @param made the driver that it gets now
 * @returns a call that undoes this
 * @throws UdrvError where it cannot be kept
 */
export function remember(sys: SysTree, store: StateStore, plan: BindPlan, made: string | null): () => void {
  const { address, from } = plan;
  const known = readRecord(sys, store, address);
  const { driver, override } = known !== null && isOurs(from, known) ? known : from;
  const was = from.driver === driver ? null : from.driver;
  const record: Record = { id: identityOf(sys, address), driver, override, made, was };
  keeping(address, () => store.write(address, format(record)));
  return () => keeping(address, () => (known === null ? store.remove(address) : store.write(address, format(known))));
}

/** Tells whether udrv has made a binding, or has been on its way to make it or to restore the one before. */
function isOurs(now: Binding, known: Record): boolean {
  if (now.driver === null || now.driver === known.made || now.driver === known.was) return true;
  // A restore that was killed before its last step leaves the override that it bound with.
  return now.driver === known.driver && now.override === now.driver;
}

export function forget(store: StateStore, address: string): void {
  keeping(address, () => store.remove(address));
}

/** Keeps other processes from changing bindings until disposed of. @throws UdrvError exit 5 while another one does */
export function lock(store: StateStore): Disposable {
  return keeping('bindings', () => store.lock());
}

function keeping<T>(subject: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof StateLocked) throw lockedError(error);
    if (error instanceof SysError) throw stateError(subject, error);
    throw error;
  }
}

const format = ({ id, driver, override, made, was }: Record) =>
  `${JSON.stringify({ id, driver, override, made, was })}\n`;

function readRecord(sys: SysTree, store: StateStore, address: string): Record | null {
  const record = parseRecord(store.read(address));
  return record !== null && record.id === identityOf(sys, address) ? record : null;
}

/** @throws UdrvError where the device does not tell, and might be another one */
function identityOf(sys: SysTree, address: string): string {
  const id = readIdentity(sys, address);
  // The alias of a device tree's node has a `null` of its own.
  if (isPciAddress(address) && id.includes('null')) throw unidentifiedError(address);
  return id;
}

/** A file may hold anything. */
function parseRecord(text: string | null): Record | null {
  let fields: unknown;
  try {
    fields = JSON.parse(text ?? '');
  } catch {
    return null;
  }
  if (typeof fields !== 'object' || fields === null) return null;
  const { id, driver, override, made, was = null } = fields as { [name: string]: unknown };
  return typeof id === 'string' && isName(driver) && isName(override) && isName(made) && isName(was)
    ? { id, driver, override, made, was }
    : null;
}

function isName(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && NAME.test(value) && value !== '.' && value !== '..');
}
