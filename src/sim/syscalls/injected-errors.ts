import type { Sys } from '../../sys/sys';
import { Errno } from '../kernel/errno';

export type Syscall = Exclude<keyof Sys, 'pageSize' | 'preparedIoctl'>;

interface Injected {
  readonly syscall: Syscall;
  readonly path: string;
  readonly code: string;
  left: number;
}

/** Errors that a test wants to see: thrown before anything else happens. */
export class Faults {
  readonly #injected: Injected[] = [];

  /** @param times how many calls fail */
  add(syscall: Syscall, path: string, code: string, times: number): void {
    this.#injected.push({ syscall, path, code, left: times });
  }

  clear(): void {
    this.#injected.length = 0;
  }

  /** @throws Errno where this call is to fail */
  check(syscall: Syscall, path: string): void {
    const fault = this.#injected.find((one) => one.syscall === syscall && one.path === path && one.left > 0);
    if (fault === undefined) return;
    fault.left--;
    throw new Errno(fault.code);
  }
}
