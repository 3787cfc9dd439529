import type { SysTree } from '../sys';

/** Returns a view of a tree that tells how many files, directories and links have been read. */
export function observed(tree: SysTree, onRead: (count: number) => void): SysTree {
  let count = 0;
  const counting = <Given extends unknown[], Result>(read: (...given: Given) => Result) => {
    return (...given: Given) => {
      onRead(++count);
      return read(...given);
    };
  };
  return {
    readFile: counting((path: string, limit?: number) => tree.readFile(path, limit)),
    readDir: counting((path: string) => tree.readDir(path)),
    readLink: counting((path: string) => tree.readLink(path)),
    access: (path) => tree.access(path),
    permissions: (path) => tree.permissions(path),
  };
}
