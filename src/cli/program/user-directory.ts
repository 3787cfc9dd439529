import { isAbsolute, join } from 'node:path';

/**
 * Returns a base directory of the user's files: the one that is set, or one below the home directory; null where there is
 * neither. A relative path is invalid and ignored (XDG Base Directory Specification).
 */
export function userDirectory(set: string | undefined, home: string | undefined, belowHome: string): string | null {
  for (const path of [set, home && join(home, belowHome)]) if (path && isAbsolute(path)) return path;
  return null;
}
