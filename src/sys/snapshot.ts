import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Exit, errnoMessage, SysError, UdrvError, usageError } from '../errors';
import { DEFAULT_LIMIT, readToEnd, sysCall } from './files';
import { InspectionSys } from './inspection';
import { MANIFEST_LIMITS, type ManifestEntry, parseManifest } from './manifest';
import type { Access } from './sys';
import { Tree } from './tree';

/** A machine that was recorded (`record.ts`): what it was at that moment, and nothing that was not read then. */
export class SnapshotSys extends InspectionSys {
  readonly #tree: Tree;

  constructor(tree: Tree) {
    super({ message: 'a recorded machine can only be inspected', hint: 'drop --snapshot to work with this machine' });
    this.#tree = tree;
  }

  /**
   * The machine in a manifest on this one.
   *
   * @param file regular, or a pipe: it is read once, from the start
   * @throws UdrvError exit 2 if there is no such file or it is no manifest, 4 if it may not be read
   */
  static load(file: string): SnapshotSys {
    return new SnapshotSys(treeOf(parseManifest(readManifest(file), file)));
  }

  readFile(path: string, limit = DEFAULT_LIMIT): Buffer {
    return this.#tree.readFile(path, limit);
  }

  readDir(path: string): string[] {
    return this.#tree.readDir(path);
  }

  readLink(path: string): string {
    return this.#tree.readLink(path);
  }

  access(path: string): Access | null {
    return this.#tree.access(path);
  }
}

/** @param entries as {@link parseManifest} gives them: a directory before what is in it */
export function treeOf(entries: Iterable<ManifestEntry>): Tree {
  const tree = new Tree();
  for (const entry of entries) {
    switch (entry.kind) {
      case 'dir':
        tree.mkdir(entry.path);
        break;
      case 'file':
        tree.set(entry.path, { kind: 'file', read: () => copy(entry.content) });
        break;
      case 'link':
        tree.set(entry.path, { kind: 'link', target: entry.target });
        break;
      case 'node':
        tree.set(entry.path, { kind: 'node', access: entry.access });
        break;
      case 'error':
        tree.set(entry.path, { kind: 'error', code: entry.code });
    }
  }
  return tree;
}

/** The caller may do with its buffer what it likes. Not Buffer.from, which is slow to find out what it is given. */
function copy(content: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(content.length);
  content.copy(bytes);
  return bytes;
}

function readManifest(file: string): Buffer {
  try {
    const fd = sysCall('open', file, () => openSync(file, constants.O_RDONLY | constants.O_NOCTTY));
    try {
      // Before it is read, because it may be a disk image. A pipe has no size; reading it stops at the limit.
      if (fstatSync(fd).size > MANIFEST_LIMITS.file) throw new SysError('read', 'EFBIG', file);
      return readToEnd(fd, file, MANIFEST_LIMITS.file);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    const { code } = error;
    if (code === 'EFBIG') throw usageError(file, `not a snapshot: larger than ${MANIFEST_LIMITS.file} bytes`);
    throw new UdrvError(`cannot read the snapshot: ${errnoMessage(code)}`, {
      code,
      exit: code === 'EACCES' || code === 'EPERM' ? Exit.permission : code === 'EIO' ? Exit.failed : Exit.usage,
      subject: file,
    });
  }
}
