import { SysError } from '../../src/errors';
import { readOrPoll, unprepared } from '../../src/sys/composed';
import type { StateStore } from '../../src/sys/state';
import type { Sys } from '../../src/sys/sys';
import { USBDEVFS_GETDRIVER, USBDEVFS_REAPURBNDELAY } from '../../src/uapi/usbdevfs';

/** The methods of {@link Sys} that are system calls which can fail. Those that only answer are not among them. */
const FAILS_WITH = {
  readFile: ['ENOENT', 'EACCES', 'EIO'],
  readDir: ['ENOENT', 'EACCES'],
  readLink: ['ENOENT', 'EACCES'],
  writeFile: ['EACCES', 'EBUSY', 'EINVAL', 'EIO', 'ENODEV', 'ENOENT'],
  replaceFile: ['EACCES', 'ENOSPC', 'EROFS'],
  removeFile: ['EACCES', 'EROFS'],
  open: ['EACCES', 'EBUSY', 'EIO', 'EMFILE', 'ENODEV', 'ENOENT', 'ENOMEM', 'ENXIO', 'EPERM'],
  close: ['EIO', 'ENODEV'],
  read: ['EIO', 'ENODEV', 'EINTR'],
  write: ['EINVAL', 'EIO', 'ENODEV'],
  pread: ['EFAULT', 'EIO', 'ENODEV'],
  pwrite: ['EFAULT', 'EIO', 'ENODEV', 'EPERM'],
  preadWords: ['EFAULT', 'EIO', 'ENODEV'],
  ioctl: ['EBUSY', 'EFAULT', 'EINTR', 'EINVAL', 'EIO', 'ENODEV', 'ENOENT', 'ENOMEM', 'ENOTTY', 'EPERM', 'EPIPE'],
  ioctlOpen: ['EBUSY', 'EINVAL', 'EMFILE', 'ENODEV', 'EPERM'],
  mmap: ['EAGAIN', 'EINVAL', 'ENODEV', 'ENOMEM', 'EPERM'],
  allocate: ['EINVAL', 'ENOMEM'],
  allocateDma: ['ENODEV', 'ENOMEM'],
  eventfd: ['EMFILE', 'ENODEV', 'ENOMEM'],
  ueventSocket: ['EACCES', 'EAFNOSUPPORT', 'EMFILE'],
  receive: ['ENOBUFS', 'ENOMEM'],
  poll: ['EINVAL', 'ENOMEM'],
  watch: ['EINVAL', 'EPERM'],
} as const satisfies { readonly [Method in keyof Sys]?: readonly string[] };

export type Method = keyof typeof FAILS_WITH;

/** The methods that only look at sysfs and its like. */
const LOOKS: ReadonlySet<Method> = new Set(['readFile', 'readDir', 'readLink']);

export function isLook(method: Method): boolean {
  return LOOKS.has(method);
}

/** Lists the errnos that a call may fail with. */
export function errnosOf({ method, request }: Call): readonly string[] {
  return request === USBDEVFS_REAPURBNDELAY ? ['ENODEV', 'EIO', 'ENOMEM'] : FAILS_WITH[method];
}

/** The methods that change the machine, or what is remembered of it. */
const CHANGES: ReadonlySet<Method> = new Set(['writeFile', 'replaceFile', 'removeFile', 'pwrite', 'ioctl']);

export function isChange({ method, request }: Call): boolean {
  return CHANGES.has(method) && request !== USBDEVFS_GETDRIVER && request !== USBDEVFS_REAPURBNDELAY;
}

/** A system call as it was made, the first of a command being number 0. */
export interface Call {
  method: Method;
  path: string;
  /** Number of an ioctl. */
  request: number | undefined;
}

/** The end of a process by SIGKILL: nothing that it does afterwards reaches the machine. No code may catch it and go on. */
export class Killed extends Error {}

/** One call that fails, or all of the same method from it on, as those of a device do that has broken. */
export interface Fault {
  at: number;
  code: string;
  lasts: boolean;
}

/** A machine on which system calls fail that are named by their number, and whose descriptors are counted. */
export class FaultySys {
  /** The calls so far. */
  readonly calls: Call[] = [];
  /** Descriptors that are open, and mappings and memory, by what they were opened for. */
  readonly open = new Map<number | object, string>();
  /** The process is dead from this call on. */
  killAt = Number.POSITIVE_INFINITY;
  readonly sys: Sys;
  readonly #target: Sys;
  readonly #fault: Fault | undefined;
  #failed: Method | undefined;
  #isDead = false;
  #die: () => void = () => {};
  /** Resolves when the process is killed. */
  readonly death = new Promise<void>((resolve) => {
    this.#die = resolve;
  });

  constructor(target: Sys, fault?: Fault) {
    this.#target = target;
    this.#fault = fault;
    this.sys = new Proxy(target, { get: (_, name: keyof Sys) => this.#get(name) });
  }

  /** Whether the call that was to fail was made. */
  get hasFailed(): boolean {
    return this.#failed !== undefined;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** Returns a memory of the process: what it writes there are calls too. */
  memory(store: StateStore): StateStore {
    const write = (name: string, work: () => void) => {
      this.#call('writeFile', [`state ${name}`], work);
    };
    return {
      names: () => store.names(),
      read: (name) => store.read(name),
      write: (name, text) => write(name, () => store.write(name, text)),
      remove: (name) => write(name, () => store.remove(name)),
      lock: () => store.lock(),
    };
  }

  /** Ends the process now. */
  kill(): never {
    this.#isDead = true;
    this.#die();
    throw new Killed();
  }

  #get(name: keyof Sys): unknown {
    const value = this.#target[name];
    if (typeof value !== 'function') return value;
    if (name === 'preparedIoctl') return (...given: Parameters<Sys['preparedIoctl']>) => unprepared(this.sys, ...given);
    if (name === 'readWithin') return (...given: Parameters<Sys['readWithin']>) => readOrPoll(this.sys, ...given);
    const call = (...given: unknown[]) => (value as (...given: unknown[]) => unknown).apply(this.#target, given);
    if (!Object.hasOwn(FAILS_WITH, name)) return call;
    return (...given: unknown[]) => this.#call(name as Method, given, call);
  }

  #call(method: Method, given: readonly unknown[], call: (...given: unknown[]) => unknown): unknown {
    if (this.#isDead) throw new Killed();
    const number = this.calls.length;
    const [first] = given;
    const path = typeof first === 'string' ? first : (this.open.get(first as number) ?? method);
    this.calls.push({ method, path, request: method === 'ioctl' ? (given[1] as number) : undefined });
    if (number >= this.killAt) this.kill();
    const code = this.#errnoOf(method, number);
    // close(2) gives the descriptor up whatever it returns.
    if (code !== undefined && method !== 'close') throw new SysError(method, code, path);
    const result = call(...given);
    this.#count(method, first as number, path, result, given.at(-1));
    if (code !== undefined) throw new SysError(method, code, path);
    return result;
  }

  #errnoOf(method: Method, number: number): string | undefined {
    if (this.#fault === undefined) return undefined;
    const { at, code, lasts } = this.#fault;
    if (number === at) this.#failed = method;
    const fails = number === at || (lasts && this.#failed === method && number > at);
    return fails ? code : undefined;
  }

  #count(method: Method, fd: number, path: string, result: unknown, last: unknown): void {
    if (method === 'close') this.open.delete(fd);
    else if (method === 'ioctlOpen') this.open.set(result as number, String(last));
    else if (method === 'open' || method === 'eventfd' || method === 'ueventSocket')
      this.open.set(result as number, path);
    else if (method === 'mmap' || method === 'allocate' || method === 'allocateDma')
      this.#own(result as object, method);
  }

  #own(resource: { close?(): void }, name: string): void {
    const close = resource.close?.bind(resource);
    this.open.set(resource, name);
    resource.close = () => {
      close?.();
      this.open.delete(resource);
    };
  }
}
