import type { Evidence } from './evidence';

/** A distribution's kernel has some thousand modules: a megabyte of names. */
const MAX_LIST_BYTES = 16 * 1024 * 1024;

/**
 * Tells whether the running kernel has a module, loaded or not: by `modules.dep` and `modules.builtin` (depmod(8)).
 *
 * @returns null where that cannot be told, as on a recorded machine
 */
export function kernelHasModule(tree: Evidence, name: string): boolean | null {
  const release = tree.text('/proc/sys/kernel/osrelease');
  if (release === null || release.includes('/')) return null;
  const lists = ['modules.dep', 'modules.builtin'].map((list) =>
    tree.bytes(`/lib/modules/${release}/${list}`, MAX_LIST_BYTES),
  );
  if (lists[0] === null) return null;
  const pattern = new RegExp(`/${name.replace(/[-_]/g, '[-_]')}\\.ko`);
  return lists.some((list) => list !== null && pattern.test(list.toString('latin1')));
}
