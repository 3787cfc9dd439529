import type { Access, Permissions, Sys } from '../../src/sys/sys';
import { inspectionOnly } from '../../src/sys/tree/inspection-only';
import { MemoryTree } from '../../src/sys/tree/memory-tree';

/** The content that a test puts at a path: text or bytes of a file, or something else that stands there. */
export type Content =
  | string
  | Buffer
  | { link: string }
  | { error: string }
  | { node: Access }
  /** Computed at each read, and free to change the tree. */
  | (() => string | Buffer);

/** Refuses all calls. By its prototype, so that what a test overrides counts. */
const Refusing = class {} as new () => Sys;
Object.assign(Refusing.prototype, inspectionOnly(new MemoryTree(), { message: 'only for inspection', hint: '' }));

/** A machine that is a {@link MemoryTree}: it can be looked at, and any attempt to touch a device throws. */
export class TreeSys extends Refusing {
  readonly tree = new MemoryTree();
  /** The calls so far, as `readFile /sys/...`. */
  readonly calls: string[] = [];

  constructor(entries: Readonly<Record<string, Content>> = {}) {
    super();
    this.add(entries);
  }

  /** @param prefix of each path */
  add(entries: Readonly<Record<string, Content>>, prefix = ''): this {
    for (const [path, content] of Object.entries(entries)) this.#set(prefix + path, content);
    return this;
  }

  override readFile(path: string, limit?: number): Buffer {
    this.calls.push(`readFile ${path}`);
    return this.tree.readFile(path, limit);
  }

  override readDir(path: string): string[] {
    this.calls.push(`readDir ${path}`);
    return this.tree.readDir(path);
  }

  override readLink(path: string): string {
    this.calls.push(`readLink ${path}`);
    return this.tree.readLink(path);
  }

  override access(path: string): Access | null {
    this.calls.push(`access ${path}`);
    return this.tree.access(path);
  }

  override permissions(path: string): Permissions | null {
    this.calls.push(`permissions ${path}`);
    return this.tree.permissions(path);
  }

  #set(path: string, content: Content): void {
    if (typeof content === 'function' || typeof content === 'string' || Buffer.isBuffer(content)) {
      const read = typeof content === 'function' ? content : () => content;
      this.tree.set(path, { kind: 'file', read: () => toBuffer(read()) });
    } else if ('link' in content) {
      this.tree.set(path, { kind: 'link', target: content.link });
    } else if ('error' in content) {
      this.tree.set(path, { kind: 'error', code: content.error });
    } else {
      this.tree.set(path, { kind: 'node', access: content.node });
    }
  }
}

function toBuffer(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content;
}
