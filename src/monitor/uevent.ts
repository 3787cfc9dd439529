/**
 * The kernel's messages about its objects, as lib/kobject_uevent.c makes them: `ACTION@DEVPATH`, then `KEY=VALUE`
 * records, each with a NUL at its end.
 */

/** Something that happened to an object of the kernel. */
export interface Uevent {
  /** `add`, `remove`, `change`, `bind`, `unbind`, `move`, `online`, `offline`. */
  action: string;
  /** Below /sys: `/devices/pci0000:00/0000:00:03.0`. */
  devpath: string;
  /** The last component of `devpath`: the device's name on its bus or in its class. */
  name: string;
  subsystem: string | null;
  /** All keys, these too. A value may hold any character but NUL. */
  properties: ReadonlyMap<string, string>;
}

/** include/linux/kobject.h: a message is at most UEVENT_BUFFER_SIZE, 2048 bytes, of UEVENT_NUM_ENVP, 64, records, and its head. */
const MAX_LENGTH = 8192;
const MAX_RECORDS = 256;

/** More than any message of the kernel. */
export const UEVENT_BUFFER = MAX_LENGTH;

/**
 * Parses a message.
 *
 * @param message as it was received, to its last byte
 * @returns null for what the kernel does not send: udev's own messages, a head that is not what the records say, a
 *   message without an end
 */
export function parseUevent(message: Buffer): Uevent | null {
  if (message.length > MAX_LENGTH || message.at(-1) !== 0) return null;
  const [head = '', ...records] = message.toString('utf8', 0, message.length - 1).split('\0');
  if (records.length > MAX_RECORDS) return null;
  const properties = new Map<string, string>();
  for (const record of records) {
    const cut = record.indexOf('=');
    if (cut <= 0) return null;
    // A driver adds its own behind those of the core, and must not replace them.
    const key = record.slice(0, cut);
    if (!properties.has(key)) properties.set(key, record.slice(cut + 1));
  }
  const action = properties.get('ACTION') ?? '';
  const devpath = properties.get('DEVPATH') ?? '';
  if (!/^[a-z]+$/.test(action) || !isDevpath(devpath) || head !== `${action}@${devpath}`) return null;
  return {
    action,
    devpath,
    name: devpath.slice(devpath.lastIndexOf('/') + 1),
    subsystem: properties.get('SUBSYSTEM') ?? null,
    properties,
  };
}

/** Absolute, and no way out of /sys. */
function isDevpath(path: string): boolean {
  const [root, ...names] = path.split('/');
  return root === '' && names.length > 0 && names.every((name) => name !== '' && name !== '.' && name !== '..');
}
