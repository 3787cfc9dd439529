import type { Part } from '../fleet/together';
import type { Context } from '../program/context';
import { visibleRow } from '../tables/facts';
import type { Row, TableOptions } from '../tables/row';
import { table } from '../tables/table';
import type { List } from './column';
import type { ListView } from './options';

/** Returns the remark on a filter that leaves nothing. */
export function noMatch({ filter = '' }: ListView): string {
  // A pattern behind `=`, as `=~` of other languages or with an asterisk.
  const meant = filter.replace(/=~\s*|==?(?=\s*["']?[^\s&|()"']*\*)/g, '~');
  return `nothing matches the filter${meant === filter ? '' : `; ~ is the operator of patterns: ${meant}`}`;
}

/** Returns the items that `--filter` leaves, in the order of `--sort`. @throws UdrvError exit 2 where an option is wrong */
export function arranged<T>(context: Context, list: List<T>, items: readonly T[], view: ListView): readonly T[] {
  return isPlain(context, view) ? items : choice().arrange(context, list, items, view);
}

/** Formats a list as a table: with the usual columns, unless the options or the user's settings say otherwise. */
export function listTable<T>(context: Context, list: List<T>, items: readonly T[], view: ListView): string {
  const { style, width } = context;
  const columns = isPlain(context, view) ? list.columns : choice().chosenColumns(context, list, view);
  const rows = items.map((item, i) => visibleRow(columns.map((column) => column.cell(item, items[i - 1]))));
  const options = { columns, style, width, headings: view.headings !== false };
  if (context.together === undefined) return table(rows, options);
  context.together(rows, (parts) => tableOfHosts(parts, options));
  return '';
}

/** Formats the rows of several hosts as one table, with the host in its first column. */
function tableOfHosts(parts: readonly Part<Row[]>[], options: TableOptions): string {
  const rows = parts.flatMap(({ host, part }) => part.map((row) => [host ?? '', ...row]));
  return table(rows, { ...options, columns: [{ title: 'HOST' }, ...(options.columns ?? [])] });
}

/**
 * Returns the objects of a document for `--json`, with the fields that `--columns` selects. The type is that of whole
 * objects, because the schema of the document describes these.
 */
export function chosenFields<T, O extends object>(
  list: List<T>,
  objects: readonly O[],
  { columns }: ListView,
): readonly O[] {
  return columns === undefined ? objects : (choice().selectFields(list, objects, columns) as readonly O[]);
}

/** Tells whether nothing has to be chosen: a plain list starts sooner. */
function isPlain({ stdout }: Context, { columns, sort, filter }: ListView): boolean {
  return !stdout.isTTY && (columns ?? sort ?? filter) === undefined;
}

function choice(): typeof import('./choice') {
  return require('./choice');
}
