import { SnapshotSys } from '../../src/sys/snapshot';
import type { Access } from '../../src/sys/sys';
import { Tree } from '../../src/sys/tree';

/** What a test puts at a path: text or bytes of a file, or something else that stands there. */
export type Content =
  | string
  | Buffer
  | { link: string }
  | { error: string }
  | { node: Access }
  /** Computed at each read, and free to change the tree. */
  | (() => string | Buffer);

/** A machine that is a {@link Tree}: it can be looked at, and any attempt to touch a device throws. */
export class TreeSys extends SnapshotSys {
  readonly tree: Tree;
  /** The calls so far, as `readFile /sys/...`. */
  readonly calls: string[] = [];

  constructor(entries: Readonly<Record<string, Content>> = {}) {
    const tree = new Tree();
    super(tree);
    this.tree = tree;
    this.add(entries);
  }

  /** @param prefix of each path */
  add(entries: Readonly<Record<string, Content>>, prefix = ''): this {
    for (const [path, content] of Object.entries(entries)) this.#set(prefix + path, content);
    return this;
  }

  override readFile(path: string, limit?: number): Buffer {
    this.calls.push(`readFile ${path}`);
    return super.readFile(path, limit);
  }

  override readDir(path: string): string[] {
    this.calls.push(`readDir ${path}`);
    return super.readDir(path);
  }

  override readLink(path: string): string {
    this.calls.push(`readLink ${path}`);
    return super.readLink(path);
  }

  override access(path: string): Access | null {
    this.calls.push(`access ${path}`);
    return super.access(path);
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
