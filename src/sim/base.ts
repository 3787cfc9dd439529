import * as fs from 'node:fs';
import * as path from 'node:path';
import { packageFolder } from '../sys/package-folder';
import { MemoryTree } from '../sys/tree/memory-tree';
import { parseSnapshot } from '../sys/tree/snapshot';

/** Devices that the machine has only where they are asked for: network ports. */
export type MoreDevices = 'network';

/** Reads the machine as it is before anything in it is alive. */
export function loadBase(more: readonly MoreDevices[] = []): MemoryTree {
  const tree = new MemoryTree();
  for (const name of ['sim', ...more]) {
    const file = path.join(packageFolder(), 'fixtures', `${name}.snapshot`);
    parseSnapshot(fs.readFileSync(file), file, tree);
  }
  return tree;
}
