import { SysError } from '../../../src/errors';
import type { Sys } from '../../../src/sys/sys';

/** The calls that can fail; the others look whether something is there. */
const CALLS = new Set<string | symbol>([
  ...['readFile', 'readDir', 'readLink', 'writeFile', 'open', 'close', 'read', 'write', 'pread', 'pwrite'],
  ...['preadWords', 'ioctl', 'ioctlOpen', 'mmap', 'allocate', 'allocateDma', 'eventfd', 'poll', 'readWithin', 'watch'],
]);

/** A machine one of whose calls fails, the one of a number that is counted from when it was armed. */
export class FailingSys {
  readonly sys: Sys;
  /** Calls since it was armed. */
  calls = 0;
  /** The call that failed. */
  failed: string | null = null;
  #at = Number.POSITIVE_INFINITY;
  #code = '';

  constructor(real: Sys) {
    this.sys = new Proxy(real, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name === 'preparedIoctl')
          return (...args: Parameters<Sys['preparedIoctl']>) => {
            const call = real.preparedIoctl(...args);
            return () => this.#call('ioctl', call);
          };
        const call = value.bind(target) as (...args: unknown[]) => unknown;
        return CALLS.has(name) ? (...args: unknown[]) => this.#call(String(name), () => call(...args)) : call;
      },
    });
  }

  /** @param at the number of the call that fails, from 1 on */
  arm(at: number, code: string): void {
    this.calls = 0;
    this.failed = null;
    this.#at = at;
    this.#code = code;
  }

  #call<T>(name: string, call: () => T): T {
    if (++this.calls !== this.#at) return call();
    this.failed = name;
    // A descriptor is closed also where close(2) fails.
    if (name === 'close') call();
    throw new SysError(name, this.#code, 'somewhere');
  }
}
