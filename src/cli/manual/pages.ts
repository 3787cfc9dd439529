import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { usageError } from '../../errors';
import { packageFolder } from '../../sys/package-folder';

/** Lists the manual pages of this package by the names that `udrv man` takes: `udrv`, and `uio` for udrv-uio(1). */
export function pageNames(): string[] {
  return [...pages().keys()];
}

/**
 * Returns the path of a page, named as {@link pageNames} has it, or in full: `udrv-uio`, `udrv-uio(1)`.
 *
 * @throws UdrvError exit 2, naming the pages there are
 */
export function pageFile(name: string): string {
  const short = name.replace(/(?:\.1|\(1\))$/, '').replace(/^udrv-/, '');
  const file = pages().get(short);
  if (file === undefined) throw usageError(name, 'no such manual page', `udrv man shows ${pageNames().join(', ')}`);
  return file;
}

function pages(): Map<string, string> {
  const folder = join(packageFolder(), 'man');
  const named = readdirSync(folder).map((file) => [file.replace(/^udrv-|\.1$/g, ''), join(folder, file)] as const);
  return new Map(named.sort(([a], [b]) => (a < b ? -1 : 1)));
}
