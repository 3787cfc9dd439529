import { errnoMessage, SysError } from '../errors';
import { AttributeReader } from '../sys/readers/attributes';

/** The machine does not tell: a file cannot be read, or a copy of a machine lacks it. Never a verdict. */
export class Undecided extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Undecided';
  }
}

/** It grows with the number of processors, interrupts and mounts: thousands of them fit. */
const MAX_PROC_BYTES = 16 * 1024 * 1024;

/** Reads a machine for checks. A fact that a verdict needs is there, is absent for certain, or is {@link Undecided}. */
export class Evidence extends AttributeReader {
  /** Reads a text that every machine has. @throws Undecided */
  need(path: string): string {
    return this.#certain(path, () => this.sys.readFile(path, MAX_PROC_BYTES).toString('utf8').trim());
  }

  /** Lists a directory that every machine has. @throws Undecided */
  list(directory: string): string[] {
    return this.#certain(directory, () => this.sys.readDir(directory));
  }

  /** Tells whether a directory that every machine has holds an entry. @throws Undecided without the directory */
  has(directory: string, name: string): boolean {
    return this.list(directory).includes(name);
  }

  /** Names what a link leads to; null where there certainly is none. @throws Undecided where it cannot be read */
  linked(path: string): string | null {
    try {
      return this.sys.readLink(path).split('/').at(-1) ?? null;
    } catch (error) {
      if (error instanceof SysError && (error.code === 'ENOENT' || error.code === 'EINVAL')) return null;
      throw undecided(path, error);
    }
  }

  /** Reads a parameter of a kernel module; null where the module is not loaded. @throws Undecided */
  parameter(module: string, name: string): string | null {
    return this.has('/sys/module', module) ? this.need(parameterPath(module, name)) : null;
  }

  #certain<T>(path: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw undecided(path, error);
    }
  }
}

/** Makes the error for a path that does not tell; another error than of a system call stays as it is. */
function undecided(path: string, error: unknown): unknown {
  if (!(error instanceof SysError)) return error;
  return new Undecided(`${path}: ${error.code === 'ENODATA' ? 'not recorded' : errnoMessage(error.code)}`);
}

/** Returns the messages of the kernel. @throws Undecided where there are none, because its log may not be read */
export function readable(log: () => readonly string[]): readonly string[] {
  const messages = log();
  if (messages.length === 0) throw new Undecided("the kernel's log cannot be read");
  return messages;
}

export const parameterPath = (module: string, name: string): string => `/sys/module/${module}/parameters/${name}`;
