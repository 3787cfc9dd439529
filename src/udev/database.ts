import type { AttributeReader } from '../sys/readers/attributes';

/** Facts that udev has found out about a device and keeps in /run/udev/data. */
export interface DatabaseEntry {
  properties: ReadonlyMap<string, string>;
  /** Those that the last event set; others may be left from earlier ones. */
  tags: ReadonlySet<string>;
}

const DATABASE = '/run/udev/data';

/**
 * Reads udev's entry of a character device, a file of lines such as `E:ID_MODEL=x` (src/libsystemd/sd-device). One that
 * udev has nothing to say of has no file.
 *
 * @param number as in sysfs, `189:3`
 * @returns null on a machine without a database
 */
export function readEntry(reader: AttributeReader, number: string): DatabaseEntry | null {
  if (reader.sys.access(DATABASE) === null || !/^\d+:\d+$/.test(number)) return null;
  const properties = new Map<string, string>();
  const present = new Set<string>();
  const ever = new Set<string>();
  let version = '';
  for (const line of (reader.text(`${DATABASE}/c${number}`) ?? '').split('\n')) {
    const value = line.slice(2);
    const equals = value.indexOf('=');
    if (line.startsWith('E:') && equals > 0) properties.set(value.slice(0, equals), value.slice(equals + 1));
    else if (line.startsWith('G:')) ever.add(value);
    else if (line.startsWith('Q:')) present.add(value);
    else if (line.startsWith('V:')) version = value;
  }
  // Systemd since 247 writes Q: lines; eudev and those before have no version.
  return { properties, tags: version === '' ? ever : present };
}

/** The socket of udev's daemon. */
const CONTROL = '/run/udev/control';

/**
 * Tells whether udev's daemon runs, or is started by systemd when it is needed: whether somebody has its socket, whose
 * name in /run outlasts a daemon that was killed. unix(7) describes /proc/net/unix.
 */
export function hasDaemon(reader: AttributeReader): boolean {
  if (reader.sys.access(CONTROL) === null) return false;
  const sockets = reader.bytes('/proc/net/unix')?.toString('utf8');
  return sockets === undefined || sockets.split('\n').some((line) => line.endsWith(` ${CONTROL}`));
}
