import { SysError } from '../../errors';
import type { SysTree } from '../sys';

/** Something that could not be read while a device was inspected; never a reason to leave the device out. */
export interface ReadError {
  path: string;
  /** The errno by name. */
  code: string;
}

/** The errnos of an attribute that a machine without the feature does not have: nothing to note. */
const ABSENT = new Set(['ENOENT', 'ENOTDIR']);

/**
 * Reads attributes for an inspection that must not fail because one of them does: what is absent is null, what
 * cannot be read is null too and noted in {@link errors}.
 */
export class AttributeReader {
  readonly errors: ReadError[];
  readonly sys: SysTree;

  /** @param errors where to note them, for readers that share a list */
  constructor(sys: SysTree, errors: ReadError[] = []) {
    this.sys = sys;
    this.errors = errors;
  }

  /** The bytes of a file; null where it is absent or unreadable, or longer than `limit`. */
  bytes(path: string, limit?: number): Buffer | null {
    return this.#try(path, () => this.sys.readFile(path, limit));
  }

  /** An attribute's text without surrounding white space; null where it is absent, unreadable or empty. */
  text(path: string): string | null {
    const text = this.bytes(path)?.toString('utf8').trim();
    return text === undefined || text === '' ? null : text;
  }

  /** A decimal or 0x attribute; null where there is no such number. */
  number(path: string): number | null {
    const text = this.text(path);
    if (text === null || !/^-?(\d+|0x[0-9a-f]+)$/i.test(text)) return null;
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : null;
  }

  /** Hex digits of exactly `digits` length without `0x`, lower case; with or without `0x` in the attribute. */
  hex(path: string, digits: number): string | null {
    const match = /^(?:0x)?([0-9a-f]+)$/i.exec(this.text(path) ?? '');
    return match?.[1]?.length === digits ? match[1].toLowerCase() : null;
  }

  /** The last component of where a link points: the driver's name behind `driver`, the group's number behind `iommu_group`. */
  linkName(path: string): string | null {
    const target = this.link(path);
    return target === null ? null : target.slice(target.lastIndexOf('/') + 1) || null;
  }

  /** The target of a link as it stands there; null where it is no link, absent or unreadable. */
  link(path: string): string | null {
    return this.#try(path, () => this.sys.readLink(path));
  }

  /** The names in a directory, empty where there is none. */
  names(path: string): string[] {
    return this.#try(path, () => this.sys.readDir(path)) ?? [];
  }

  #try<T>(path: string, read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (!ABSENT.has(error.code)) this.errors.push({ path, code: error.code });
      return null;
    }
  }
}
