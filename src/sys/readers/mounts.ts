import { attempt } from '../attempt';
import type { SysTree } from '../sys';
import type { AttributeReader } from './attributes';

/** A mounted file system, as far as it tells which block device holds it. */
export interface Mount {
  /** `259:2`. A file system over several devices (btrfs) has a made-up number here. */
  device: string;
  point: string;
  /** The mounted device or data set: `/dev/nvme0n1p2`, `pool/set`, `/dev/sda:/dev/sdb`. */
  source: string;
  /** The file system's: `ext4`. */
  type: string;
}

/** A machine with ten thousands of mounts has this much to say of them. */
const MAX_BYTES = 16 * 1024 * 1024;
/** Mount namespaces that are looked into: containers have one each. */
const MAX_NAMESPACES = 1000;

/**
 * Reads the mounts of every mount namespace that can be looked into: a disk may be mounted for a container alone. A
 * table that cannot be read is noted with `reader`.
 *
 * @returns null where the reader's own cannot be read
 */
export function readMounts(reader: AttributeReader): Mount[] | null {
  const { sys } = reader;
  const own = reader.bytes('/proc/self/mountinfo', MAX_BYTES);
  if (own === null) return null;
  const tables = [own];
  const namespaces = new Set([linkOf(sys, '/proc/self/ns/mnt')]);
  for (const pid of reader.names('/proc').filter((name) => /^\d+$/.test(name))) {
    const namespace = linkOf(sys, `/proc/${pid}/ns/mnt`);
    if (namespace === null || namespaces.has(namespace) || namespaces.size > MAX_NAMESPACES) continue;
    namespaces.add(namespace);
    const table = reader.bytes(`/proc/${pid}/mountinfo`, MAX_BYTES);
    if (table !== null) tables.push(table);
  }
  return tables.flatMap((table) => parseMounts(table.toString('utf8')));
}

/** Parses /proc/PID/mountinfo (proc(5)): optional fields end with a hyphen; blanks in names are `\040`. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ', 2);
    const [, , device, , point] = before.split(' ');
    const [type, source] = after.split(' ');
    return device === undefined || point === undefined || type === undefined || source === undefined
      ? []
      : [{ device, point: unescaped(point), source: unescaped(source), type }];
  });
}

/** Reads the files and devices that are swapped on, from /proc/swaps. */
export function readSwaps(reader: AttributeReader): string[] {
  const lines = (reader.text('/proc/swaps') ?? '').split('\n').slice(1);
  return lines.map((line) => unescaped(line.split(/\s/, 1)[0] ?? '')).filter((path) => path !== '');
}

function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** Returns null for other users' processes, which do not tell, and for those that end meanwhile, which do not matter. */
function linkOf(sys: SysTree, path: string): string | null {
  return attempt(() => sys.readLink(path), null);
}
