import { Exit, errnoMessage, SysError, UdrvError } from '../../errors';
import type { StateStore } from '../../sys/state';
import type { Sys } from '../../sys/sys';
import type { Binding } from './plan';
import { readIdentity } from './read';

/** Where it is kept on a real machine: one file for each function. Bindings do not outlive a boot, nor does /run. */
export const STATE_DIRECTORY = '/run/udrv/bind';

/** As drivers and overrides are called: the kernel takes less than a page, and a slash would lead out of sysfs. */
const NAME = /^[^/\0-\x1f\x7f]{1,255}$/;

/** What a function had before the first change, as long as the same kind of device is at its address; else null. */
export function recall(sys: Sys, store: StateStore, address: string): Binding | null {
  const record = parseRecord(store.read(address));
  return record?.id === readIdentity(sys, address) ? { driver: record.driver, override: record.override } : null;
}

/**
 * Keeps what a function has, unless it is known already what it had.
 *
 * @returns whether it is new
 * @throws UdrvError where it cannot be kept
 */
export function remember(sys: Sys, store: StateStore, address: string, { driver, override }: Binding): boolean {
  if (recall(sys, store, address) !== null) return false;
  const text = `${JSON.stringify({ id: readIdentity(sys, address), driver, override })}\n`;
  return keeping(address, () => {
    // Of another device that was here, or not to be understood.
    store.remove(address);
    return store.create(address, text);
  });
}

export function forget(store: StateStore, address: string): void {
  keeping(address, () => store.remove(address));
}

/** @throws UdrvError exit 5 while another process changes bindings */
export function lock(store: StateStore): Disposable {
  return keeping('bindings', () => store.lock());
}

function keeping<T>(subject: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const pid = /\/lock\/(\d+)$/.exec(error.path)?.[1];
    if (pid !== undefined)
      throw new UdrvError(`another udrv changes them now (pid ${pid})`, { code: 'EBUSY', exit: Exit.busy, subject });
    const denied = error.code === 'EACCES' || error.code === 'EPERM';
    throw new UdrvError(`what is to be restored cannot be kept: ${error.path}: ${errnoMessage(error.code)}`, {
      code: error.code,
      exit: denied ? Exit.permission : Exit.failed,
      subject,
      hint: denied ? `it must belong to root, and nobody else may write to it: ls -ld ${error.path}` : undefined,
    });
  }
}

/** A file may hold anything. */
function parseRecord(text: string | null): (Binding & { id: string }) | null {
  if (text === null) return null;
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof record !== 'object' || record === null) return null;
  const { id, driver, override } = record as Record<string, unknown>;
  return typeof id === 'string' && isName(driver) && isName(override) ? { id, driver, override } : null;
}

function isName(value: unknown): value is string | null {
  return value === null || (typeof value === 'string' && NAME.test(value) && value !== '.' && value !== '..');
}
