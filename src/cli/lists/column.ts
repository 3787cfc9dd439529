import type { Cell, Column } from '../tables/row';

/** A value of a column, as it is compared: a number by its size, a list by each of its items. */
export type Value = string | number | boolean | null | readonly (string | number)[];

/** A column of a list. */
export interface ListColumn<T> extends Column {
  title: string;
  /** The name in JSON, with the objects around it: `usb.speedMbps`. */
  name: string;
  /** Fields in JSON that it shows, where they are others than its name; none where JSON has no such field. */
  fields?: readonly string[];
  /** Returns the text, which has not been made visible yet. @param before the item of the row above */
  cell(item: T, before?: T): string | Cell;
  /** Returns what is sorted and filtered by, where it is another than the text. */
  value?(item: T): Value;
  /** Compares for `--sort`, where the kernel has an order. */
  compare?(a: T, b: T): number;
}

/** A list that a command prints. */
export interface List<T> {
  /** The words of the command, as settings name it: `vfio.groups`. */
  name: string;
  /** The columns that are shown unless others are asked for. */
  columns: readonly ListColumn<T>[];
  /** Makes the columns that can be asked for beside them. */
  more(): readonly ListColumn<T>[];
}

export function textOf<T>(column: ListColumn<T>, item: T): string {
  const cell = column.cell(item);
  return typeof cell === 'string' ? cell : cell.text;
}

export function valueIn<T>(column: ListColumn<T>, item: T): Value {
  if (column.value !== undefined) return column.value(item);
  const text = textOf(column, item);
  return text === '-' || text === '' ? null : text;
}
