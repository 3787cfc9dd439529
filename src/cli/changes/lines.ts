import { fieldMeaning } from '../../regmap/model';
import type { Word } from '../../sys/sys';
import { clock } from '../../text/clock';
import { hex } from '../../text/hex';
import type { ChangeLine } from '../documents/registers';
import { json, visible } from '../output/escape';
import type { Context } from '../program/context';
import { changedFields, changedFieldsText } from './fields';
import type { Cell } from './parts';

/** A register that has another value than at the reading before. */
export interface Change {
  /** Among all that are read. */
  index: number;
  cell: Cell;
  before: Word;
  after: Word;
}

/** The receiver of readings. */
export interface ChangesView extends Disposable {
  /** @param values of all cells, in their order */
  show(changes: readonly Change[], values: readonly Word[], time: Date): void;
  /** Gives a terminal back that was taken. */
  leave?(): void;
}

/** Makes a view that prints a line for each change: for people, or with `--json` for programs. */
export function lineView({ stdout, options }: Context, device: string): ChangesView {
  const line = options.json ? jsonLine : textLine;
  return {
    show(changes, _, time) {
      if (changes.length > 0) stdout.write(changes.map((change) => `${line(change, device, time)}\n`).join(''));
    },
    [Symbol.dispose]() {},
  };
}

function textLine({ cell, before, after }: Change, _: string, time: Date): string {
  const { name, register } = cell;
  const fields = register === null ? '' : changedFieldsText(changedFields(register, before, after));
  const words = [
    `${clock(time)}  ${visible(placeText(cell))}  ${valueText(cell, before)} -> ${valueText(cell, after)}`,
    ...(name === null ? [] : [visible(name)]),
    ...(fields === '' ? [] : [fields]),
  ];
  return words.join('  ');
}

function jsonLine({ cell, before, after }: Change, device: string, time: Date): string {
  const { region, offset, width, name, register, field, text } = cell;
  return json({
    schema: 'udrv.change/1',
    time,
    device,
    region,
    offset,
    width,
    name,
    before: text(before),
    after: text(after),
    ...(field !== null && { meaningBefore: fieldMeaning(field, before), meaningAfter: fieldMeaning(field, after) }),
    fields: register === null ? [] : changedFields(register, before, after),
  } satisfies ChangeLine);
}

/** Returns `map0:0x24`. */
export const placeText = ({ region, offset }: Cell): string => `${region}:${hex(offset)}`;

/** Formats a value, that of a field with its meaning: `0x0 (off)`. */
export function valueText({ field, text }: Cell, value: Word): string {
  const meaning = field === null ? null : fieldMeaning(field, value);
  return meaning === null ? text(value) : `${text(value)} (${visible(meaning)})`;
}
