import { SysError } from '../../errors';
import { type Access, type Permissions, READ_LIMIT, type SysTree } from '../sys';
import { formatManifest, isErrno, MANIFEST_LIMITS, type ManifestEntry, pathProblem } from './manifest';
import { components, MAX_LINKS } from './memory-tree';

/** Too large to keep, and the same everywhere; {@link RecordingTree.add} keeps an excerpt. */
export const NAME_DATABASE = /\/((pci|usb)\.ids|hwdb\.bin|20-(pci|usb)-vendor-model\.hwdb)$/;

/** There, but never read: nobody knows what it is. `no data available`, said wherever it is asked for on replay. */
const NOT_RECORDED = 'ENODATA';

/** The facts about one path without links in it. The last answer counts, where a machine gave several. */
interface Node {
  readonly path: string;
  readonly children: Map<string, Node>;
  /** It has been asked whether this is a link; if it is, `target` is set. */
  probed: boolean;
  directory: boolean;
  target?: string | undefined;
  content?: Buffer | undefined;
  access?: Access | undefined;
  permissions?: Permissions | undefined;
  /** The errno of reading or listing it. */
  code?: string | undefined;
}

/**
 * Records what an inspection asks of a machine, so that {@link loadSnapshot} gives the same answers: contents, lists
 * and links by their places without links in the path, and the links that led there. Beside what it is asked, it
 * reads the links in every path once.
 *
 * Not the same on replay: entries that were listed and never looked at fail with ENODATA; a file's access is that of
 * one who may read it, as only nodes and files that were never read keep theirs; a file of more than 1 MiB is EFBIG;
 * what is outside of where udrv looks is not there.
 */
export class RecordingTree implements SysTree {
  readonly #sys: SysTree;
  readonly #recorded: Recorded;

  constructor(sys: SysTree) {
    this.#sys = sys;
    this.#recorded = new Recorded(sys);
  }

  /**
   * Puts a file into the recording, whatever the machine has there.
   *
   * @throws RangeError for what a manifest does not hold: more than 1 MiB, a path outside of where udrv looks
   */
  add(path: string, content: Buffer): void {
    this.#recorded.plant(path, content);
  }

  /** Returns all that was recorded until now, in the format of `manifest.ts`. */
  manifest(): string {
    return formatManifest(this.#recorded.entries());
  }

  readFile(path: string, limit = READ_LIMIT): Buffer {
    if (NAME_DATABASE.test(path)) return this.#sys.readFile(path, limit);
    return this.#record(
      () => this.#sys.readFile(path, limit),
      (content) => this.#recorded.read(path, content),
      (code) => this.#recorded.failed(path, code),
    );
  }

  readDir(path: string): string[] {
    return this.#record(
      () => this.#sys.readDir(path),
      (names) => this.#recorded.listed(path, names),
      (code) => this.#recorded.failed(path, code),
    );
  }

  readLink(path: string): string {
    return this.#record(
      () => this.#sys.readLink(path),
      () => this.#recorded.linked(path),
      () => this.#recorded.linked(path),
    );
  }

  access(path: string): Access | null {
    const access = this.#sys.access(path);
    if (!NAME_DATABASE.test(path)) this.#recorded.accessed(path, access);
    return access;
  }

  permissions(path: string): Permissions | null {
    const permissions = this.#sys.permissions(path);
    this.#recorded.permitted(path, permissions);
    return permissions;
  }

  #record<T>(call: () => T, done: (result: T) => void, failed: (code: string) => void): T {
    let result: T;
    try {
      result = call();
    } catch (error) {
      if (error instanceof SysError) failed(error.code);
      throw error;
    }
    done(result);
    return result;
  }
}

/** The answers of a machine so far. */
class Recorded {
  readonly #sys: SysTree;
  readonly #root = newNode('');

  constructor(sys: SysTree) {
    this.#sys = sys;
  }

  read(path: string, content: Buffer): void {
    const node = this.#walk(path, true);
    if (node === null) return;
    const fits = content.length <= MANIFEST_LIMITS.content;
    node.content = fits ? Buffer.from(content) : undefined;
    node.code = fits ? undefined : 'EFBIG';
  }

  listed(path: string, names: string[]): void {
    const node = this.#walk(path, true);
    if (node === null) return;
    node.directory = true;
    node.code = undefined;
    for (const name of names) childOf(node, name);
  }

  /** Reading or listing it failed. What is not there needs no line, but the links and directories before it do. */
  failed(path: string, code: string): void {
    const node = this.#walk(path, true);
    if (node === null || code === 'ENOENT' || code === 'ELOOP') return;
    if (code === 'EISDIR') node.directory = true;
    else if (code === 'ENOTDIR') this.#settle(node);
    // Too large for the limit of that call; its content may be known from another.
    else if (code !== 'EFBIG' || node.content === undefined) {
      node.content = undefined;
      node.code = isErrno(code) ? code : 'EIO';
    }
  }

  /** It was read as a link; whether it is one, the way there tells. */
  linked(path: string): void {
    const node = this.#walk(path, false);
    if (node !== null) this.#settle(node);
  }

  accessed(path: string, access: Access | null): void {
    const node = this.#walk(path, true);
    if (node === null || access === null) return;
    node.access = access;
    this.#settle(node);
  }

  permitted(path: string, permissions: Permissions | null): void {
    const node = this.#walk(path, true);
    if (node !== null && permissions !== null) node.permissions = permissions;
  }

  /** Puts a file at a path. Where the way there leaves what a manifest holds, the path is taken as it is. */
  plant(path: string, content: Buffer): void {
    const problem = pathProblem(path);
    if (problem !== null) throw new RangeError(`${path}: ${problem}`);
    if (content.length > MANIFEST_LIMITS.content) throw new RangeError(`${path}: ${content.length} bytes are too many`);
    const slash = path.lastIndexOf('/');
    let directory = this.#walk(path.slice(0, slash), true);
    if (directory === null || pathProblem(directory.path) !== null) {
      directory = this.#root;
      for (const name of components(path.slice(0, slash))) {
        directory = childOf(directory, name);
        directory.probed = true;
        directory.target = undefined;
      }
    }
    const node = childOf(directory, path.slice(slash + 1));
    node.children.clear();
    node.directory = false;
    node.probed = true;
    node.target = undefined;
    node.content = Buffer.from(content);
    node.code = undefined;
  }

  entries(): ManifestEntry[] {
    const entries: ManifestEntry[] = [];
    collect(this.#root, entries);
    return entries;
  }

  /**
   * Follows a path as the kernel does, and remembers the links and directories on the way.
   *
   * @returns what is there, null where that is nothing, as far as can be told
   */
  #walk(path: string, followLast: boolean): Node | null {
    const pending = components(path).reverse();
    const trail = [this.#root];
    let links = 0;
    for (;;) {
      const here = trail[trail.length - 1] ?? this.#root;
      const name = pending.pop();
      if (name === undefined) return here;
      if (name === '.' || name === '..') {
        // Nothing below it is asked for that would show whether it is a directory.
        this.#settle(here);
        if (!here.directory && here !== this.#root) return null;
        if (name === '..' && trail.length > 1) trail.pop();
        continue;
      }
      const child = this.#probe(here, name);
      if (child === null) return null;
      if (child.target !== undefined && (followLast || pending.length > 0)) {
        if (++links > MAX_LINKS) return null;
        if (child.target.startsWith('/')) trail.length = 1;
        pending.push(...components(child.target).reverse());
      } else if (pending.length > 0 && child.code !== undefined && !child.probed) {
        // Not even whether it is a link can be told: all that is below it fails in the same way.
        return null;
      } else {
        trail.push(child);
      }
    }
  }

  /** The entry of a directory, asked once whether it is a link; null where there is none. */
  #probe(directory: Node, name: string): Node | null {
    const known = directory.children.get(name);
    if (known?.probed) return known;
    let target: string | undefined;
    try {
      target = this.#sys.readLink(`${directory.path}/${name}`);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.code === 'ENOTDIR') {
        this.#settle(directory);
        return null;
      }
      directory.directory = true;
      if (error.code === 'ENOENT') return null;
      if (error.code !== 'EINVAL') {
        const child = childOf(directory, name);
        child.code = isErrno(error.code) ? error.code : 'EIO';
        return child;
      }
    }
    directory.directory = true;
    const child = childOf(directory, name);
    child.probed = true;
    child.target = target;
    return child;
  }

  /** Finds out whether something that is there and was not read is a directory. Opens no node: opendir refuses first. */
  #settle(node: Node): void {
    if (node.directory || node.target !== undefined || node.content !== undefined || node.code !== undefined) return;
    try {
      this.#sys.readDir(node.path);
      node.directory = true;
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.code !== 'ENOTDIR') node.code = isErrno(error.code) ? error.code : 'EIO';
      else node.access ??= this.#sys.access(node.path) ?? undefined;
    }
  }
}

function collect(node: Node, entries: ManifestEntry[]): void {
  const entry = entryOf(node);
  if (entry !== null && entry.kind !== 'dir') entries.push(entry);
  // Above the places that a manifest may hold there is nothing to say, but something below.
  if (entry !== null && entry.kind !== 'dir' && entry.kind !== 'error') return;
  const before = entries.length;
  for (const child of node.children.values()) collect(child, entries);
  // A directory needs a line only where nothing below it has one.
  if (entry?.kind === 'dir' && entries.length === before) entries.push(entry);
}

/** Null for what a manifest cannot hold. */
function entryOf({
  path,
  children,
  probed,
  directory,
  target,
  content,
  access,
  permissions,
  code,
}: Node): ManifestEntry | null {
  if (pathProblem(path) !== null) return null;
  if (target !== undefined) return { path, kind: 'link', target };
  if (directory || children.size > 0) return code === undefined ? { path, kind: 'dir' } : { path, kind: 'error', code };
  if (content !== undefined) return { path, kind: 'file', content };
  // Reading a node is refused on replay, so that this tells both.
  if (access !== undefined && (code === undefined || (code === 'EACCES' && probed)))
    return { path, kind: 'node', access, ...(permissions && { permissions }) };
  return { path, kind: 'error', code: code ?? NOT_RECORDED };
}

function newNode(path: string): Node {
  return { path, children: new Map(), probed: false, directory: false };
}

function childOf(node: Node, name: string): Node {
  let child = node.children.get(name);
  if (child === undefined) {
    child = newNode(`${node.path}/${name}`);
    node.children.set(name, child);
  }
  return child;
}
