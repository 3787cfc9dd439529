import { SysError } from '../../errors';
import type { Access, Permissions, SysTree } from '../sys';

/**
 * A machine as it is fit to be recorded: without its processes, but for the one that asks (`/proc/self`), and of files
 * that change with each moment only the lines that a verdict needs. Each question is asked once.
 */
export class RecordableTree implements SysTree {
  readonly #sys: SysTree;
  readonly #answers = new Map<string, unknown>();

  constructor(sys: SysTree) {
    this.#sys = sys;
  }

  readFile(path: string, limit?: number): Buffer {
    const content = this.#once(`file ${path}`, path, () => this.#sys.readFile(path, limit));
    const excerpt = EXCERPTS.get(path);
    return excerpt === undefined ? content : Buffer.from(excerpt(content.toString('latin1')), 'latin1');
  }

  readDir(path: string): string[] {
    // Recorded as such: nobody shall take it for a machine on which nothing runs.
    if (path === '/proc') throw new SysError('opendir', 'ENODATA', path);
    return this.#once(`directory ${path}`, path, () => this.#sys.readDir(path));
  }

  readLink(path: string): string {
    // A number of today, which leads to a process.
    if (path === '/proc/self') throw new SysError('readlink', 'EINVAL', path);
    return this.#once(`link ${path}`, path, () => this.#sys.readLink(path));
  }

  access(path: string): Access | null {
    return this.#once(`access ${path}`, path, () => this.#sys.access(path));
  }

  permissions(path: string): Permissions | null {
    return this.#once(`permissions ${path}`, path, () => this.#sys.permissions(path));
  }

  #once<T>(key: string, path: string, ask: () => T): T {
    if (/^\/proc\/\d|^\/proc\/self\/ns\//.test(path)) throw new SysError('open', 'ENOENT', path);
    if (!this.#answers.has(key))
      try {
        this.#answers.set(key, ask());
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
        this.#answers.set(key, error);
      }
    const answer = this.#answers.get(key);
    if (answer instanceof SysError) throw answer;
    return answer as T;
  }
}

const EXCERPTS: ReadonlyMap<string, (text: string) => string> = new Map([
  ['/proc/self/status', (text) => lines(text, /^(?:Uid|Gid|Groups|CapEff):/)],
  ['/proc/self/limits', (text) => lines(text, /^(?:Limit|Max locked memory) /)],
  // The controllers, without how often each processor was interrupted.
  ['/proc/interrupts', (text) => lines(text, /IO-APIC|PCI-MSI|GIC/).replace(/^(\s*\w+:)[\s\d]+/gm, '$1 ')],
  // Names and numbers, without the members.
  ['/etc/group', (text) => text.replace(/^([^:\n]*:)[^:\n]*(:[^:\n]*:).*$/gm, '$1x$2')],
  // Whether udev listens.
  ['/proc/net/unix', (text) => lines(text, / \/run\/udev\/control$/)],
  // All processors are alike in that.
  ['/proc/cpuinfo', (text) => `${/^flags\s*:.*$/m.exec(text)?.[0] ?? ''}\n`],
]);

function lines(text: string, pattern: RegExp): string {
  const kept = text.split('\n').filter((line) => pattern.test(line));
  return kept.map((line) => `${line}\n`).join('');
}
