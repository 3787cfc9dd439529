import type { Range } from '../../model/registers';
import type { Summary } from '../../model/statistics';
import type { AccessType, ReadAction, WriteAction } from '../../regmap/model';
import type { Width } from '../../sys/sys';
import type { ChangedField } from '../changes/fields';

/** Values are `"0x..."`, with the digits of their width. */
export interface ReadDocument {
  region: string;
  offset: number;
  width: Width;
  value: string;
  /** The full name, where the register was given by one. */
  name?: string;
  /** The meaning of a field's value, where a field was given; null: it has none. */
  meaning?: string | null;
}

export interface DumpDocument {
  region: string;
  /** Offset of the first register, in bytes. */
  offset: number;
  /** Bytes of each register. */
  width: Width;
  words: string[];
}

export interface NamedValue {
  name: string;
  region: string;
  offset: number;
  width: Width;
  /** Null where it was not read. */
  value: string | null;
  /** The reason why it was not read; null where it was. */
  unread: string | null;
  fields: FieldValue[];
}

export interface FieldValue {
  name: string;
  /** `7:4`, or `3` for one bit. */
  bits: string;
  value: string | null;
  meaning: string | null;
}

export interface RegsDocument {
  schema: 'udrv.regs/1';
  device: string;
  registers: NamedValue[];
}

export interface DescribeDocument {
  schema: 'udrv.describe/1';
  name: string;
  peripheral: string;
  address: string;
  /** From the peripheral's base, in bytes. */
  offset: number;
  bits: number;
  access: AccessType;
  readAction: ReadAction | null;
  writeAction: WriteAction | null;
  reset: string | null;
  description: string | null;
  fields: DescribedField[];
}

export interface DescribedField {
  name: string;
  bits: string;
  access: AccessType;
  readAction: ReadAction | null;
  writeAction: WriteAction | null;
  description: string | null;
  /** `0x3`, `0b1xx` where bits do not count, `other` for all that have no name. */
  values: { name: string; value: string; description: string | null }[];
}

export interface ChangeLine {
  schema: 'udrv.change/1';
  time: Date;
  device: string;
  region: string;
  offset: number;
  width: Width;
  /** The name in a map; null: it has none. */
  name: string | null;
  before: string;
  after: string;
  /** With a field alone; null: the value has no meaning. */
  meaningBefore?: string | null;
  meaningAfter?: string | null;
  fields: ChangedField[];
}

export interface DiffDocument {
  schema: 'udrv.diff/1';
  /** The names of the two sides. */
  before: string;
  after: string;
  /** Null where neither side tells. */
  region: string | null;
  width: Width;
  same: boolean;
  differences: { offset: number; name: string | null; before: string; after: string; fields: ChangedField[] }[];
  /** Parts that only one side has, in bytes. */
  onlyBefore: Range[];
  onlyAfter: Range[];
  /** Registers that were not read, because reading changes them. */
  unread: { name: string; offset: number; reason: string }[];
}

export interface InterruptLine {
  /** Counts from 1 within one watch. */
  index: number;
  /** The total of the device, or of the vector since the watch began. */
  count: number;
  /** Interrupts since the last line beyond this one, which were merged into it. */
  missed: number;
  /** Microseconds since the last line; null on the first. */
  deltaUs: number | null;
  time: Date;
  /** The interrupt of a VFIO device, and its vector. */
  irq?: string;
  vector?: number;
}

export interface InterruptsDocument {
  schema: 'udrv.interrupts/1';
  count: number;
  missed: number;
  perSecond: number;
  /** Microseconds between two interrupts; null where there were not two. */
  deltaUs: Summary | null;
}
