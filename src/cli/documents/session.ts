import type { Width } from '../../sys/sys';
import type { DmaFault } from '../../vfio/dma/faults';
import type { NamedValue, ReadDocument } from './registers';
import type { TransferDocument } from './transfers';

/** The common part of all steps. */
export interface StepHead {
  schema: 'udrv.step/1';
  /** Position among the steps of the text, from 1 on. */
  step: number;
  line: number;
  /** Time of the step in its `repeat`, from 1 on; absent outside of one. */
  iteration?: number;
  verb: string;
  text: string;
}

export interface StepWords {
  region: string;
  offset: number;
  width: Width;
  words: string[];
}

/** Bytes of a buffer, hex digits. */
export interface StepBytes {
  buffer: string;
  offset: number;
  data: string;
}

export interface StepInterrupt {
  irq: string;
  vector: number | null;
  count: number;
  missed: number;
  waitedUs: number;
}

export interface StepBuffer {
  buffer: string;
  /** Null where it is not mapped. */
  iova: string | null;
  size: number;
  access: 'r' | 'w' | 'rw' | '' | null;
}

/** A step, with what it brought; nothing more where it brings its success alone. */
export type StepLine = StepHead & StepOutcome;

export type StepOutcome =
  | NonNullable<unknown>
  | ReadDocument
  | StepWords
  | StepBytes
  | StepInterrupt
  | StepBuffer
  | TransferDocument
  | { registers: NamedValue[] }
  | { faults: StoppedAccess[] };

/** An access of a device that the IOMMU stopped. */
export interface StoppedAccess extends Omit<DmaFault, 'address'> {
  address: string;
  /** The nearest buffer of the session; null without one. */
  buffer: string | null;
  /** Bytes from the beginning of the buffer, or beyond it where the address is outside; null without a buffer. */
  offset: number | null;
}

export interface FaultLine extends StoppedAccess {
  schema: 'udrv.fault/1';
  /** The step that was the last then. */
  step?: number;
}
