import { comparePciAddresses } from '../../pci/address';
import { AttributeReader, type ReadError } from '../../sys/readers/attributes';
import type { SysTree } from '../../sys/sys';
import { readOwn } from '../../udev/files';
import { RULES } from '../../udev/rules-file';
import { parseRule, rulePath, ruleTarget } from './rule';

/** The directory of driverctl(8): a file for each device, `pci-0000:01:00.0`, with the name of its driver. */
export const DRIVERCTL = '/etc/driverctl.d';

/** A binding that is made at each boot. */
export interface SavedBinding {
  /** The bus of the device: `pci`, `platform`. */
  bus: string;
  /** Null: all functions with the ids. */
  address: string | null;
  /** Vendor and device, `1b36:0010`; null where the binding is for whatever has the address. */
  id: string | null;
  /** Null: the file cannot be read, or is not as udrv wrote it. */
  driver: string | null;
  writer: 'udrv' | 'driverctl';
  path: string;
}

export interface SavedBindings {
  saved: SavedBinding[];
  /** Files that could not be read; a link is ELOOP. */
  errors: ReadError[];
}

/** Lists the bindings that udrv and driverctl saved, by address; those for ids come last. */
export function listSaved(sys: SysTree): SavedBindings {
  const reader = new AttributeReader(sys);
  const saved = [...rules(reader), ...overrides(reader)];
  saved.sort((a, b) => comparePciAddresses(nameOf(a), nameOf(b)));
  return { saved, errors: reader.errors };
}

/** Returns the part of a name that tells what a binding is for: an address, or ids. */
export function nameOf({ address, id }: Pick<SavedBinding, 'address' | 'id'>): string {
  return address ?? id ?? '';
}

function rules(reader: AttributeReader): SavedBinding[] {
  return reader.names(RULES).flatMap((name): SavedBinding[] => {
    const target = ruleTarget(name);
    if (target === null) return [];
    const path = `${RULES}/${name}`;
    const rule = parseRule(readOwn(reader, path) ?? '');
    // A rule under another name than its own is not believed.
    const isItself = rule !== null && rulePath(rule) === path;
    const { bus, address, id } = isItself ? rule : target;
    return [{ bus, address, id, driver: isItself ? rule.driver : null, writer: 'udrv', path }];
  });
}

function overrides(reader: AttributeReader): SavedBinding[] {
  return reader.names(DRIVERCTL).flatMap((name): SavedBinding[] => {
    const [, bus = '', address = ''] = /^([a-z][a-z0-9_]*)-([^/]+)$/.exec(name) ?? [];
    if (bus === '') return [];
    const path = `${DRIVERCTL}/${name}`;
    return [{ bus, address, id: null, driver: reader.text(path), writer: 'driverctl', path }];
  });
}
