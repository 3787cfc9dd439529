import * as fs from 'node:fs';
import * as path from 'node:path';
import { packageFolder } from '../sys/package-folder';
import { type ManifestEntry, parseManifest } from '../sys/tree/manifest';
import { MemoryTree } from '../sys/tree/memory-tree';
import { growTree } from '../sys/tree/snapshot';

/** Devices that the machine has only where they are asked for: network ports. */
export type MoreDevices = 'network';

/** The files that were read: a program may make many machines. */
const parsed = new Map<string, readonly ManifestEntry[]>();

/** Makes the machine as it is before anything in it is alive. */
export function loadBase(more: readonly MoreDevices[] = []): MemoryTree {
  const tree = new MemoryTree();
  for (const name of ['sim', ...more]) growTree(tree, entriesOf(name));
  return tree;
}

function entriesOf(name: string): readonly ManifestEntry[] {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const file = path.join(packageFolder(), 'fixtures', `${name}.snapshot`);
  const entries = parseManifest(fs.readFileSync(file), file);
  parsed.set(name, entries);
  return entries;
}
