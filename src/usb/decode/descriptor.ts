/** One descriptor, decoded by its layout, and the descriptors that belong to it. */
import { decode, encode, type Layout, type Values } from './layout';

export interface Descriptor {
  layout: Layout;
  values: Values;
  /** The bytes that the layout does not cover. */
  rest: Buffer;
  /** True where the interface does not say the layout, but the bytes leave no doubt. */
  byShape?: true;
  /** Its faults, for people. */
  notes: string[];
  children: Descriptor[];
}

/** Decodes one descriptor in a layout that is known beforehand. */
export function descriptor(layout: Layout, bytes: Buffer): Descriptor {
  const { values, rest, missing } = decode(layout, bytes);
  const notes = missing === null ? [] : [`ends before all of ${missing}`];
  return { layout, values, rest, notes, children: [] };
}

/** Encodes descriptors in their order, each with its children behind it. */
export function encodeAll(descriptors: readonly Descriptor[]): Buffer {
  const pieces: Buffer[] = [];
  const add = ({ layout, values, rest, children }: Descriptor) => {
    pieces.push(encode(layout, values, rest));
    children.forEach(add);
  };
  descriptors.forEach(add);
  return Buffer.concat(pieces);
}
