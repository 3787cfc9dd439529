import { SysError } from '../errors';
import { comparePciAddresses } from '../pci/address';
import { StateLocked, type StateStore } from '../sys/state';
import type { SysTree } from '../sys/sys';
import { devicePath } from './bus';
import { lockedError, stateError } from './errors';
import type { Binding, BindPlan } from './plan';
import { readIdentity } from './read';

/** The directory on a real machine, one file for each function. Bindings do not outlive a boot, nor does /run. */
export const STATE_DIRECTORY = '/run/udrv/bind';

/** A driver's name: the kernel takes less than a page, and a slash would lead out of sysfs. */
const NAME = /^[^/\0-\x1f\x7f]{1,255}$/;

interface Record extends Binding {
  /** The device's ids: another may have replaced it. */
  id: string;
  /** The driver that udrv gave it since. */
  made: string | null;
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

/** Lists the devices that udrv has given another driver and not given back, by address. */
export function remembered(sys: SysTree, store: StateStore): string[] {
  const addresses = keeping('bindings', () => store.names());
  return addresses
    .filter((address) => isThere(sys, address))
    .filter((address) => recall(sys, store, address) !== null)
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
  const asMade = known !== null && (from.driver === known.made || from.driver === null);
  const { driver, override } = asMade ? known : from;
  const record: Record = { id: readIdentity(sys, address), driver, override, made };
  keeping(address, () => store.write(address, format(record)));
  return () => keeping(address, () => (known === null ? store.remove(address) : store.write(address, format(known))));
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

const format = ({ id, driver, override, made }: Record) => `${JSON.stringify({ id, driver, override, made })}\n`;

function readRecord(sys: SysTree, store: StateStore, address: string): Record | null {
  const record = parseRecord(store.read(address));
  return record?.id === readIdentity(sys, address) ? record : null;
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
  const { id, driver, override, made } = fields as { [name: string]: unknown };
  return typeof id === 'string' && isName(driver) && isName(override) && isName(made)
    ? { id, driver, override, made }
    : null;
}

function isName(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && NAME.test(value) && value !== '.' && value !== '..');
}
