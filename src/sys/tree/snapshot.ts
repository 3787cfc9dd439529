import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Exit, errnoMessage, SysError, UdrvError, usageError } from '../../errors';
import { copyOf, readToEnd, sysCall } from '../linux/node-fs';
import type { SysTree } from '../sys';
import { MANIFEST_LIMITS, type ManifestEntry, parseManifest } from './manifest';
import { MemoryTree } from './memory-tree';

/**
 * Reads a machine that was recorded (`recording.ts`): as it was at that moment, and nothing that was not read then.
 *
 * @param file regular, or a pipe: it is read once, from the start
 * @param read in place of a read that waits for a pipe without end; throws SysError EFBIG beyond the limit in bytes
 * @throws UdrvError exit 2 if there is no such file or it is no manifest, 4 if it may not be read
 */
export function loadSnapshot(file: string, read: (file: string, limit: number) => Buffer = readWhole): SysTree {
  return parseSnapshot(readSnapshot(file, read), file);
}

/**
 * Makes the tree that a manifest describes.
 *
 * @param name of the file, for messages
 * @throws UdrvError exit 2 if it is no manifest
 */
export function parseSnapshot(text: Buffer, name: string): MemoryTree {
  const tree = new MemoryTree();
  growTree(tree, parseManifest(text, name));
  return tree;
}

/** Sets what a manifest has in a tree, beside what is there. The entries stay as they are, whatever becomes of the tree. */
export function growTree(tree: MemoryTree, entries: Iterable<ManifestEntry>): void {
  for (const entry of entries) {
    switch (entry.kind) {
      case 'dir':
        tree.mkdir(entry.path);
        break;
      case 'file':
        // The caller may do with its buffer what it likes.
        tree.set(entry.path, { kind: 'file', read: () => copyOf(entry.content) });
        break;
      case 'link':
        tree.set(entry.path, { kind: 'link', target: entry.target });
        break;
      case 'node': {
        const { access, permissions } = entry;
        tree.set(entry.path, { kind: 'node', access, ...(permissions && { permissions }) });
        break;
      }
      case 'error':
        tree.set(entry.path, { kind: 'error', code: entry.code });
    }
  }
}

function readWhole(file: string, limit: number): Buffer {
  const fd = sysCall('open', file, () => openSync(file, constants.O_RDONLY | constants.O_NOCTTY));
  try {
    // Before it is read, because it may be a disk image. A pipe has no size; reading it stops at the limit.
    if (fstatSync(fd).size > limit) throw new SysError('read', 'EFBIG', file);
    return readToEnd(fd, file, limit);
  } finally {
    closeSync(fd);
  }
}

function readSnapshot(file: string, read: (file: string, limit: number) => Buffer): Buffer {
  try {
    return read(file, MANIFEST_LIMITS.file);
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
