import { isAbsolute, join } from 'node:path';

/**
 * Returns a base directory of the user's files: the one that is set, or one below the home directory; null where there is
 * neither. A relative path is invalid and ignored (XDG Base Directory Specification).
 */
export function userDirectory(set: string | undefined, home: string | undefined, belowHome: string): string | null {
  return firstAbsolute(set, home && join(home, belowHome));
}

/** Returns the first path that is absolute; null where none is. */
export function firstAbsolute(...paths: readonly (string | undefined | null)[]): string | null {
  return paths.find((path) => path && isAbsolute(path)) ?? null;
}
