import * as fs from 'node:fs';
import * as path from 'node:path';
import type { MemoryTree } from '../sys/tree/memory-tree';
import { parseSnapshot } from '../sys/tree/snapshot';

/** Reads the machine as it is before anything in it is alive. */
export function loadBase(): MemoryTree {
  const file = path.join(packageFolder(__dirname), 'fixtures', 'sim.snapshot');
  return parseSnapshot(fs.readFileSync(file), file);
}

/** Finds the package's folder: this code runs from src/sim, from dist/sim and, bundled, from dist. */
function packageFolder(folder: string): string {
  if (fs.existsSync(path.join(folder, 'package.json'))) return folder;
  const parent = path.dirname(folder);
  if (parent === folder) throw new Error('the package that holds fixtures/sim.snapshot was not found');
  return packageFolder(parent);
}
