import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Finds the folder of this package, which holds files beside the code: that runs from src, from dist and, bundled, from dist/cli. */
export function packageFolder(folder = __dirname): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error(`${__dirname} is in no package`);
  return packageFolder(parent);
}
