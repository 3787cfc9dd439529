/** The bus whose ids a database names. */
export type DatabaseKind = 'pci' | 'usb';

/** A device's identity on its bus: four hex digits each, lower case. */
export interface Id {
  vendor: string;
  /** Null: the vendor alone. */
  device: string | null;
}

/** A database of the names of one bus's vendors and devices. Ids are four hex digits, lower case; null: not in it. */
export interface NameSource {
  vendor(vendor: string): string | null;
  device(vendor: string, device: string): string | null;
}

/** Names are cut here, in bytes: the longest that are published have 200. */
export const MAX_NAME = 512;

/**
 * Writes the lines of a pci.ids or usb.ids file for these ids alone, in order. Ids that the source does not know are
 * left out.
 */
export function idsExcerpt(source: NameSource, ids: Iterable<Id>): string {
  const wanted = new Map<string, Set<string>>();
  for (const { vendor, device } of ids) {
    const devices = wanted.get(vendor) ?? new Set();
    wanted.set(vendor, devices);
    if (device !== null) devices.add(device);
  }
  let text = '';
  for (const [vendor, devices] of [...wanted].sort(byKey)) {
    const name = source.vendor(vendor);
    if (name === null) continue;
    text += `${vendor}  ${name}\n`;
    for (const device of [...devices].sort()) {
      const deviceName = source.device(vendor, device);
      if (deviceName !== null) text += `\t${device}  ${deviceName}\n`;
    }
  }
  return text;
}

function byKey(a: [string, unknown], b: [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
