import { SysError } from '../errors';
import type { SysTree } from '../sys/sys';
import { compiledHwdb, textHwdb } from './hwdb';
import { IdsFile } from './ids-file';
import { type DatabaseKind, type Id, idsExcerpt, type NameSource } from './name-source';

/** The names of an id; null where no database is installed or it does not know the id. */
export interface IdNames {
  vendor: string | null;
  device: string | null;
}

/** The names of PCI and USB ids. */
export interface Names {
  /** @param vendor four hex digits, lower case; so is `device` */
  pciName(vendor: string | null, device: string | null): IdNames;
  /** @param vendor four hex digits, lower case; so is `product` */
  usbName(vendor: string | null, product: string | null): IdNames;
}

/** The places where distributions put the databases; the first that can be read is used. */
const IDS_FILES: Readonly<Record<DatabaseKind, readonly string[]>> = {
  pci: ['/usr/share/hwdata/pci.ids', '/usr/share/misc/pci.ids', '/usr/share/pci.ids'],
  usb: ['/usr/share/hwdata/usb.ids', '/usr/share/misc/usb.ids', '/usr/share/usb.ids', '/var/lib/usbutils/usb.ids'],
};
/** The compiled database of udev, in the order in which sd-hwdb looks for it. */
const HWDB_BIN = [
  '/etc/systemd/hwdb/hwdb.bin',
  '/etc/udev/hwdb.bin',
  '/usr/lib/systemd/hwdb/hwdb.bin',
  '/lib/systemd/hwdb/hwdb.bin',
  '/usr/lib/udev/hwdb.bin',
  '/lib/udev/hwdb.bin',
];
const HWDB_DIRECTORIES = ['/etc/udev/hwdb.d', '/usr/lib/udev/hwdb.d', '/lib/udev/hwdb.d'];

/** Limits in bytes; the published files have 1.5 MiB at most, in the form of hwdb 4 MiB, and hwdb.bin has 13 MiB. */
const MAX_SIZE = 16 * 1024 * 1024;
const MAX_HWDB_SIZE = 64 * 1024 * 1024;

const UNKNOWN: IdNames = { vendor: null, device: null };

/** No names at all, for callers that show none: to look one up, all of a database is read. */
export const NO_NAMES: Names = { pciName: () => UNKNOWN, usbName: () => UNKNOWN };

/**
 * The names of PCI and USB ids. A database is read when the first name is asked for, once; without one every name is
 * null. Never throws.
 */
export class NameDatabase implements Names {
  readonly #sys: SysTree;
  /** The databases that were looked for; null: there is none. */
  readonly #sources = new Map<DatabaseKind, NameSource | null>();
  readonly #names = new Map<string, IdNames>();

  constructor(sys: SysTree) {
    this.#sys = sys;
  }

  pciName(vendor: string | null, device: string | null): IdNames {
    return this.#lookup('pci', vendor, device);
  }

  usbName(vendor: string | null, product: string | null): IdNames {
    return this.#lookup('usb', vendor, product);
  }

  /** An ids file with the names of these ids and nothing else, in order; empty where none is known. */
  excerpt(kind: DatabaseKind, ids: Iterable<Id>): string {
    const source = this.#source(kind);
    return source === null ? '' : idsExcerpt(source, ids);
  }

  #lookup(kind: DatabaseKind, vendor: string | null, device: string | null): IdNames {
    if (vendor === null) return UNKNOWN;
    const key = `${kind} ${vendor} ${device}`;
    let names = this.#names.get(key);
    if (names === undefined) {
      const source = this.#source(kind);
      names = {
        vendor: source?.vendor(vendor) ?? null,
        device: (device === null ? null : source?.device(vendor, device)) ?? null,
      };
      this.#names.set(key, names);
    }
    return names;
  }

  #source(kind: DatabaseKind): NameSource | null {
    let source = this.#sources.get(kind);
    if (source === undefined) {
      source = this.#find(kind);
      this.#sources.set(kind, source);
    }
    return source;
  }

  #find(kind: DatabaseKind): NameSource | null {
    const texts = HWDB_DIRECTORIES.map((directory) => `${directory}/20-${kind}-vendor-model.hwdb`);
    return (
      this.#first(IDS_FILES[kind], MAX_SIZE, (bytes) => new IdsFile(bytes)) ??
      this.#first(HWDB_BIN, MAX_HWDB_SIZE, (bytes) => compiledHwdb(bytes, kind)) ??
      this.#first(texts, MAX_SIZE, (bytes) => textHwdb(bytes, kind))
    );
  }

  #first(paths: readonly string[], limit: number, open: (bytes: Buffer) => NameSource | null): NameSource | null {
    for (const path of paths) {
      try {
        const source = open(this.#sys.readFile(path, limit));
        if (source !== null) return source;
      } catch (error) {
        // Absent, closed, too large: a name is never worth a failure.
        if (!(error instanceof SysError)) throw error;
      }
    }
    return null;
  }
}
