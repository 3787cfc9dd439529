import { LinuxSys } from '../../sys/linux/linux-sys';
import type { SysTree } from '../../sys/sys';
import { NAME_DATABASE } from '../../sys/tree/recording';

let local: LinuxSys | undefined;
const databases = new Map<string, Buffer | Error>();

/** Returns a view of a tree that has the databases of names of this machine: they are large, and the same everywhere. */
export function localNames(tree: SysTree): SysTree {
  return {
    readFile: (path, limit) => (NAME_DATABASE.test(path) ? readHere(path, limit) : tree.readFile(path, limit)),
    readDir: (path) => tree.readDir(path),
    readLink: (path) => tree.readLink(path),
    access: (path) => tree.access(path),
    permissions: (path) => tree.permissions(path),
  };
}

/** Reads a database, once for all hosts. */
function readHere(path: string, limit: number | undefined): Buffer {
  let content = databases.get(path);
  if (content === undefined) {
    local ??= new LinuxSys();
    try {
      content = local.readFile(path, limit);
    } catch (error) {
      content = error as Error;
    }
    databases.set(path, content);
  }
  if (content instanceof Error) throw content;
  return content;
}
