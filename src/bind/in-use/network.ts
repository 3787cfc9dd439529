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

/** Finds interfaces that are up. Those in another network namespace are missed: sysfs shows only the reader's. */
export function findNetUse(reader: AttributeReader, { name, dir }: ClassDevice, report: Report) {
  const { up, master } = netState(reader, dir);
  if (up === false && master === null) return;
  const state = up === null ? 'may be up' : up ? 'is up' : 'is down';
  report(
    `the network interface ${name} ${state}${master === null ? '' : ` and part of ${master}`}`,
    state === 'is up' ? `ip link set ${shellWord(name)} down` : undefined,
  );
}
