import type { AttributeReader } from '../../sys/readers/attributes';
import { shellWord } from '../../text/shell';
import type { ClassDevice } from './class-devices';
import type { Report } from './use';

const IFF_UP = 1;

/** Returns whether a network interface is up (null: not known), and the bridge or bond that it is part of. */
export function netState(reader: AttributeReader, dir: string): { up: boolean | null; master: string | null } {
  const flags = reader.number(`${dir}/flags`);
  return { up: flags === null ? null : (flags & IFF_UP) !== 0, master: reader.linkName(`${dir}/master`) };
}

/**
 * Tells whether a function has an interface that was moved to another network namespace. sysfs shows only those of the
 * reader's, but the directory that holds them is there as long as there is any (get_device_parent() and
 * cleanup_glue_dir() in drivers/base/core.c).
 *
 * @param dir the function's directory in sysfs
 */
export function hasHiddenInterface(reader: AttributeReader, dir: string): boolean {
  const own = reader.names(dir);
  // A virtio device has its own directory below the function's.
  const holders = [dir, ...own.filter((name) => /^virtio\d+$/.test(name)).map((name) => `${dir}/${name}`)];
  return holders.some((one) => {
    const names = one === dir ? own : reader.names(one);
    return names.includes('net') && reader.names(`${one}/net`).length === 0;
  });
}

/** Finds interfaces that are up. Those in another network namespace are not seen: {@link hasHiddenInterface}. */
export function findNetUse(reader: AttributeReader, { name, dir }: ClassDevice, report: Report) {
  const { up, master } = netState(reader, dir);
  if (up === false && master === null) return;
  const state = up === null ? 'may be up' : up ? 'is up' : 'is down';
  report(
    `the network interface ${name} ${state}${master === null ? '' : ` and part of ${master}`}`,
    state === 'is up' ? `ip link set ${shellWord(name)} down` : undefined,
  );
}
