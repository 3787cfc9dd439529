import type { Sys } from '../../sys/sys';
import { Errno } from '../kernel/errno';

export type Syscall = Exclude<keyof Sys, 'pageSize' | 'preparedIoctl'>;

interface InjectedError {
  readonly syscall: Syscall;
  readonly path: string;
  readonly code: string;
  left: number;
}

/** Errors that a test asks for, thrown before anything else happens. */
export class InjectedErrors {
  readonly #errors: InjectedError[] = [];

  /** @param times how many calls fail */
  add(syscall: Syscall, path: string, code: string, times: number): void {
    this.#errors.push({ syscall, path, code, left: times });
  }

  clear(): void {
    this.#errors.length = 0;
  }

  /** @throws Errno where this call is to fail */
  check(syscall: Syscall, path: string): void {
    const injected = this.#errors.find((one) => one.syscall === syscall && one.path === path && one.left > 0);
    if (injected === undefined) return;
    injected.left--;
    throw new Errno(injected.code);
  }
}
