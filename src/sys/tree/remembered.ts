import { SysError } from '../../errors';
import { type Access, type Permissions, READ_LIMIT, type SysTree } from '../sys';

/** Bytes of files that are kept at most: the mappings of all processes of a large machine may be more. */
const MOST_KEPT = 64 * 1024 * 1024;

/**
 * Reads a tree, each file, directory and link once: the answers are those of one time, and questions that are asked for
 * each device of a large machine cost one system call. Not for what has to be seen changing.
 */
export class RememberedTree implements SysTree {
  readonly #sys: SysTree;
  readonly #known = new Map<string, () => unknown>();
  #kept = 0;

  constructor(sys: SysTree) {
    this.#sys = sys;
  }

  readFile(path: string, limit = READ_LIMIT): Buffer {
    return this.#once(`file ${limit} ${path}`, () => this.#sys.readFile(path, limit));
  }

  readDir(path: string): string[] {
    // Callers sort what they get.
    return [...this.#once(`directory ${path}`, () => this.#sys.readDir(path))];
  }

  readLink(path: string): string {
    return this.#once(`link ${path}`, () => this.#sys.readLink(path));
  }

  access(path: string): Access | null {
    return this.#once(`access ${path}`, () => this.#sys.access(path));
  }

  permissions(path: string): Permissions | null {
    return this.#once(`permissions ${path}`, () => this.#sys.permissions(path));
  }

  /** Asks unless the answer, or the error, is known. */
  #once<T>(key: string, ask: () => T): T {
    const known = this.#known.get(key);
    if (known !== undefined) return known() as T;
    try {
      const answer = ask();
      const size = answer instanceof Buffer ? answer.length : 0;
      if (this.#kept + size <= MOST_KEPT) {
        this.#kept += size;
        this.#known.set(key, () => answer);
      }
      return answer;
    } catch (error) {
      if (error instanceof SysError)
        this.#known.set(key, () => {
          throw error;
        });
      throw error;
    }
  }
}
