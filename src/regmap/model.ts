import type { WordLayout } from '../model/location';
import type { Word } from '../sys/sys';

/**
 * Registers by name, whatever the file that names them. The words for access, read actions and write actions are those
 * of CMSIS-SVD (its schema, version 1.3.10). Names and descriptions may hold any character that the file has: escape
 * them before printing.
 */

export const ACCESSES = ['read-only', 'write-only', 'read-write', 'writeOnce', 'read-writeOnce'] as const;
export type AccessType = (typeof ACCESSES)[number];

/** Effects of a read on the register itself. */
export const READ_ACTIONS = ['clear', 'set', 'modify', 'modifyExternal'] as const;
export type ReadAction = (typeof READ_ACTIONS)[number];

/** Effects of a write that are not "the register has the value now". */
export const WRITE_ACTIONS = [
  'oneToClear',
  'oneToSet',
  'oneToToggle',
  'zeroToClear',
  'zeroToSet',
  'zeroToToggle',
  'clear',
  'set',
  'modify',
] as const;
export type WriteAction = (typeof WRITE_ACTIONS)[number];

/** Names of registers, from one file. */
export interface RegisterMap {
  format: 'svd' | 'litex' | 'json';
  name: string;
  /** The address that stands at the begin of a region where the map is placed there as a whole. */
  base: bigint;
  peripherals: readonly Peripheral[];
}

export interface Peripheral {
  name: string;
  description: string | null;
  /** The address of offset 0: absolute, or an offset in the region where the file is of one device. */
  base: bigint;
  /** The region that the file itself names. */
  region: string | null;
  registers: readonly NamedRegister[];
}

export interface NamedRegister {
  /** Unique in its peripheral; the clusters around it stand in front: `CHANNEL[1].CONTROL`. */
  name: string;
  /** A name that it has without its peripheral: LiteX's `ctrl_scratch`. */
  fullName?: string;
  description: string | null;
  /** In bytes, from the peripheral's base. */
  offset: number;
  /** Bits that it has. */
  bits: number;
  /** Present where it is spread over several accesses. */
  words?: WordLayout;
  access: AccessType;
  readAction: ReadAction | null;
  writeAction: WriteAction | null;
  resetValue: bigint | null;
  fields: readonly RegisterField[];
}

export interface RegisterField {
  name: string;
  description: string | null;
  /** The lowest bit, and how many there are. */
  lsb: number;
  bits: number;
  access: AccessType;
  readAction: ReadAction | null;
  writeAction: WriteAction | null;
  values: readonly EnumeratedValue[];
}

export interface EnumeratedValue {
  name: string;
  description: string | null;
  /** The value, and the bits of it that count; null: every value that no other has. */
  value: bigint | null;
  mask: bigint;
  usage: 'read' | 'write' | 'read-write';
}

/** Returns the name that a field's value has when it is read; null where it has none. */
export function fieldMeaning(field: RegisterField, word: Word): string | null {
  const value = BigInt(word);
  const readable = field.values.filter(({ usage }) => usage !== 'write');
  const found = readable.find((one) => one.value !== null && (value & one.mask) === (one.value & one.mask));
  return (found ?? readable.find((one) => one.value === null))?.name ?? null;
}
