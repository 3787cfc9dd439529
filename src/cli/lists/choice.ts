import { UdrvError, usageError } from '../../errors';
import { didYouMean } from '../../text/nearest';
import type { Context } from '../program/context';
import { type List, type ListColumn, type Value, valueIn } from './column';
import { parseFilter } from './filter';
import type { ListView } from './options';

/** Returns the names of all columns of a list, as `--columns`, `--sort` and `--filter` take them. */
export function columnNames<T>(list: List<T>): string[] {
  return [...new Set([...list.columns, ...list.more()].map(({ name }) => name))];
}

/** Returns the items that the filter leaves, in the order that is asked for. @throws UdrvError exit 2 */
export function arrange<T>(context: Context, list: List<T>, items: readonly T[], view: ListView): readonly T[] {
  const find = (name: string, option: string) => columnNamed(list, name, option);
  if (view.columns !== undefined) columnsNamed(list, view.columns);
  const matches = view.filter === undefined ? undefined : parseFilter(view.filter, (name) => find(name, '--filter'));
  const order =
    view.sort === undefined
      ? fromSettings(context, list, 'sort', (text) => orderOf(list, text))
      : orderOf(list, view.sort);
  const left = matches === undefined ? items : items.filter(matches);
  return order === undefined ? left : [...left].sort(order);
}

/** Returns the columns that the options or the user's settings ask for, else the usual ones. */
export function chosenColumns<T>(context: Context, list: List<T>, view: ListView): readonly ListColumn<T>[] {
  if (view.columns !== undefined) return columnsNamed(list, view.columns);
  return fromSettings(context, list, 'columns', (text) => columnsNamed(list, text)) ?? list.columns;
}

/** Returns the objects with those fields alone that the columns show. */
export function selectFields<T>(list: List<T>, objects: readonly object[], text: string): readonly object[] {
  const paths = columnsNamed(list, text).flatMap(({ name, title, fields = [name] }) => {
    if (fields.length === 0) throw usageError('--columns', `${title} is not in the JSON document`);
    return fields.map((field) => field.split('.'));
  });
  return objects.map((object) => withFields(object, paths) as object);
}

function withFields(value: unknown, paths: readonly (readonly string[])[]): unknown {
  if (Array.isArray(value)) return value.map((item) => withFields(item, paths));
  if (typeof value !== 'object' || value === null || paths.some(({ length }) => length === 0)) return value;
  const heads = [...new Set(paths.map(([head = '']) => head))].filter((head) => Object.hasOwn(value, head));
  return Object.fromEntries(
    heads.map((head) => [
      head,
      withFields(
        (value as Record<string, unknown>)[head],
        paths.filter(([first]) => first === head).map(([, ...rest]) => rest),
      ),
    ]),
  );
}

/** Reads what the user's settings say of a list on a terminal. A wrong setting is remarked on, and ignored. */
function fromSettings<T, R>(
  context: Context,
  list: List<T>,
  key: 'columns' | 'sort',
  read: (text: string) => R,
): R | undefined {
  if (context.options.json) return undefined;
  const setting = context.settings?.get(`${list.name}.${key}`);
  if (setting === undefined) return undefined;
  try {
    return read(setting.value);
  } catch (error) {
    if (!(error instanceof UdrvError)) throw error;
    context.warn(`${setting.where}: ${error.message}; the line is ignored`);
    return undefined;
  }
}

/** Parses `COLUMN,COLUMN` or `+COLUMN`. Columns that are asked for are not left out where the terminal is narrow. */
function columnsNamed<T>(list: List<T>, text: string): readonly ListColumn<T>[] {
  const names = text.split(',').map((name) => name.trim());
  const added = names.some((name) => name.startsWith('+'));
  const asked = names.map((name) => {
    const { need: _, ...column } = columnNamed(list, name.replace(/^\+/, ''), '--columns');
    return column;
  });
  return added ? [...list.columns, ...asked] : asked;
}

/** Finds a column by its title, its name, or the end of that where one column alone has it. @throws UdrvError exit 2 */
function columnNamed<T>(list: List<T>, text: string, option: string): ListColumn<T> {
  const wanted = text.toLowerCase();
  const all = [...list.columns, ...list.more()];
  const named =
    list.columns.find(({ title }) => title.toLowerCase() === wanted) ??
    all.find(({ name }) => name.toLowerCase() === wanted);
  if (named !== undefined) return named;
  const [found, ...others] = all.filter(({ name }) => name.toLowerCase().endsWith(`.${wanted}`));
  if (found !== undefined && others.length === 0) return found;
  if (found !== undefined)
    throw usageError(option, `${text} may be ${[found, ...others].map(({ name }) => name).join(' or ')}`);
  const names = columnNames(list);
  const meant = didYouMean(text, [...names, ...list.columns.map(({ title }) => title.toLowerCase())].flatMap(forms));
  const hint = [...(meant === undefined ? [] : [meant]), `the columns are ${names.join(', ')}`].join(' ');
  throw usageError(option, `no column ${text || "''"}`, hint);
}

/** Returns the ways in which a column can be written: with the objects around it, and without. */
const forms = (name: string): string[] => [name, name.slice(name.lastIndexOf('.') + 1)];

type Order<T> = (a: T, b: T) => number;

/** Parses `COLUMN`, `-COLUMN`, `COLUMN:desc` or `COLUMN:asc`. */
function orderOf<T>(list: List<T>, text: string): Order<T> {
  const [, minus, name = '', direction] = /^(-?)(.*?)(?::(asc|desc))?$/is.exec(text) ?? [];
  const column = columnNamed(list, name, '--sort');
  const sign = (minus === '-') === (direction?.toLowerCase() === 'desc') ? 1 : -1;
  return (a, b) => {
    const [left, right] = [valueIn(column, a), valueIn(column, b)];
    // Rows without a value are last, in either direction.
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return sign * (column.compare?.(a, b) ?? compareValues(left, right));
  };
}

function compareValues(a: Value, b: Value): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareText(String(a), String(b));
}

/** Compares numbers in text by their size: `uio10` is behind `uio9`. */
function compareText(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split(/(\d+)/)) as [string[], string[]];
  for (const [i, part] of left.entries()) {
    const other = right[i];
    if (other === undefined) return 1;
    const order = i % 2 === 1 ? Number(part) - Number(other) : Number(part > other) - Number(part < other);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}
