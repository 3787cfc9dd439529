import * as fs from 'node:fs';
import * as path from 'node:path';
import { packageFolder } from '../sys/package-folder';
import type { MemoryTree } from '../sys/tree/memory-tree';
import { parseSnapshot } from '../sys/tree/snapshot';

/** Reads the machine as it is before anything in it is alive. */
export function loadBase(): MemoryTree {
  const file = path.join(packageFolder(), 'fixtures', 'sim.snapshot');
  return parseSnapshot(fs.readFileSync(file), file);
}
