import { SysError } from '../errors';

/** Returns what `call` does, or `otherwise` where a system call fails in it. Other errors are thrown. */
export function attempt<T, U>(call: () => T, otherwise: U): T | U {
  try {
    return call();
  } catch (error) {
    if (error instanceof SysError) return otherwise;
    throw error;
  }
}
