import { SysError } from '../errors';
import type { SysTree } from '../sys/sys';
import { type Id, IdsFile } from './ids-file';

/** The names of an id; null where no database is installed or it does not know the id. */
export interface IdNames {
  vendor: string | null;
  device: string | null;
}

export type DatabaseKind = 'pci' | 'usb';

/** The names of ids. */
export interface Names {
  /** @param vendor four hex digits, lower case; so is `device` */
  pciName(vendor: string | null, device: string | null): IdNames;
  /** @param vendor four hex digits, lower case; so is `product` */
  usbName(vendor: string | null, product: string | null): IdNames;
}

/** The databases' paths on the distributions; the first that can be read is used. */
const PATHS: Readonly<Record<DatabaseKind, readonly string[]>> = {
  pci: ['/usr/share/hwdata/pci.ids', '/usr/share/misc/pci.ids', '/usr/share/pci.ids'],
  usb: ['/usr/share/hwdata/usb.ids', '/usr/share/misc/usb.ids', '/usr/share/usb.ids', '/var/lib/usbutils/usb.ids'],
};

/** In bytes; the published files have 1.5 MiB at most. */
const MAX_SIZE = 16 * 1024 * 1024;

const UNKNOWN: IdNames = { vendor: null, device: null };

/** Without names, for callers that show none: a look-up reads all of a database. */
export const NO_NAMES: Names = { pciName: () => UNKNOWN, usbName: () => UNKNOWN };

/**
 * The names of PCI and USB ids. A database is read when the first name is asked for, once; without one every name is
 * null. Never throws.
 */
export class NameDatabase implements Names {
  readonly #sys: SysTree;
  /** Null: there is none to read. */
  readonly #files = new Map<DatabaseKind, IdsFile | null>();
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

  /** Returns an ids file with the lines for these ids and nothing else, in order; empty where it knows none. */
  excerpt(kind: DatabaseKind, ids: Iterable<Id>): string {
    return this.#file(kind)?.excerpt(ids) ?? '';
  }

  #lookup(kind: DatabaseKind, vendor: string | null, device: string | null): IdNames {
    if (vendor === null) return UNKNOWN;
    const key = `${kind} ${vendor} ${device}`;
    let names = this.#names.get(key);
    if (names === undefined) {
      const file = this.#file(kind);
      names = {
        vendor: file?.vendor(vendor) ?? null,
        device: (device === null ? null : file?.device(vendor, device)) ?? null,
      };
      this.#names.set(key, names);
    }
    return names;
  }

  #file(kind: DatabaseKind): IdsFile | null {
    let file = this.#files.get(kind);
    if (file === undefined) {
      file = this.#read(PATHS[kind]);
      this.#files.set(kind, file);
    }
    return file;
  }

  #read(paths: readonly string[]): IdsFile | null {
    for (const path of paths) {
      try {
        return new IdsFile(this.#sys.readFile(path, MAX_SIZE));
      } catch (error) {
        // Absent, closed, too large: a name is never worth a failure.
        if (!(error instanceof SysError)) throw error;
      }
    }
    return null;
  }
}
