import type { Location } from '../model/location';
import type { ListedRegister } from '../regmap/listing';
import type { Width, Word } from '../sys/sys';
import type { TransferResult } from '../usb/transfer/status';
import type { DmaFault } from '../vfio/dma/faults';
import type { DmaAccess } from '../vfio/dma/iommu';

/** The outcome of a step. */
export type StepResult =
  | Done
  | StepValue
  | { kind: 'words'; region: string; offset: number; width: Width; words: Word[] }
  | { kind: 'bytes'; buffer: string; offset: number; bytes: Buffer }
  | { kind: 'interrupt'; irq: string; vector: number | null; count: number; missed: number; waitedUs: number }
  | { kind: 'buffer'; buffer: string; iova: bigint | null; size: number; access: DmaAccess | null }
  | { kind: 'transfer'; direction: 'in' | 'out'; result: TransferResult; bytes: Buffer | null }
  | { kind: 'registers'; registers: readonly ReadRegister[] }
  | { kind: 'faults'; faults: readonly BlamedFault[] };

/** The value of a register that was read, or waited for; that of a field is shifted down. */
export interface StepValue extends Location {
  kind: 'value' | 'match';
  value: Word;
  /** The full name, where it was given by one. */
  name?: string;
  /** The name of a field's value; null where it has none. */
  meaning?: string | null;
}

/** A register of a list. */
export interface ReadRegister extends ListedRegister {
  /** Null where it was not read. */
  value: Word | null;
}

/** A step that brings nothing but its success. */
export interface Done {
  kind: 'done';
}

export const DONE: Done = { kind: 'done' };

/** A DMA fault, with the buffer that the device missed. */
export interface BlamedFault extends DmaFault {
  /** The nearest buffer of the session; null without one. */
  buffer: string | null;
  /** Bytes from the beginning of the buffer, or beyond it where the address is outside; null without a buffer. */
  offset: bigint | null;
  /** The explanation for people: `0x1000 bytes behind the end of A`. */
  where: string;
}
