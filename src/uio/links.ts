import { posix } from 'node:path';
import { attempt } from '../sys/attempt';
import type { SysTree } from '../sys/sys';

/** The places where udev rules make links to UIO nodes. */
const DIRECTORIES = ['/dev/uio', '/dev'];

/** Names in /dev that no rule for UIO makes: looking at each of a machine's hundreds of nodes costs time. */
const OF_OTHERS = /^(?:tty|loop|ram|vcs|sd|nvme|pts|char|block|bus|disk|input|snd|cpu|fd|std|core$|log$)/;

/** Lists the symbolic links that lead to a node, sorted. */
export function linksTo(sys: SysTree, node: string): string[] {
  return DIRECTORIES.flatMap((directory) =>
    attempt(() => sys.readDir(directory), [])
      .filter((name) => !OF_OTHERS.test(name) && !/^uio\d*$/.test(name))
      .map((name) => `${directory}/${name}`)
      .filter((path) => resolveNode(sys, path) === node),
  ).sort();
}

/** Follows the links of a name below /dev to the node. @returns null where it is no link */
export function resolveNode(sys: SysTree, path: string): string | null {
  let current = path;
  // The number of links that Linux follows (MAXSYMLINKS, include/linux/namei.h).
  for (let followed = 0; followed < 40; followed++) {
    const target = attempt(() => sys.readLink(current), null);
    if (target === null) return followed === 0 ? null : current;
    current = posix.resolve(posix.dirname(current), target);
  }
  return null;
}
