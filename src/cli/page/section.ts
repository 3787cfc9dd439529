import { branches, type TreeNode } from '../output/tree';
import { type Cell, plain } from '../tables/row';
import { type Content, html, type Markup } from './html';

/** A part of the page under its own heading. */
export interface Section {
  /** Name of its element. */
  id: string;
  title: string;
  /** The count behind the heading. */
  count: number;
  parts: readonly (PageTable | Markup)[];
}

export interface PageTable {
  /** Name of its element, unlike any device's. */
  id: string;
  label: string;
  columns: readonly PageColumn[];
  rows: readonly (readonly PageCell[])[];
  /** Names the element of each row, for links to it; undefined for none. */
  rowId?(index: number): string | undefined;
  /** Whether sorting would tear it apart. */
  isTree?: boolean;
  /** Folds the table away, under this line. */
  summary?: string;
}

/** A column of a table on the page. */
export interface PageColumn {
  title: string;
  /** Whether its cells link to the devices that they name. */
  isDevice?: boolean;
  /** Whether the rows are in the kernel's order of its values. */
  isOrdered?: boolean;
}

/** The content of a cell: text, coloured by its meaning, or what has links in it. */
export type PageCell = string | Cell | Markup;

/** The names that have a row with their id: others are no links. */
export type Anchors = ReadonlySet<string>;

/** Returns a table without the columns that have nothing in any row. */
export function withoutEmptyColumns(table: PageTable): PageTable {
  const { columns, rows } = table;
  const isUsed = columns.map((_, i) => rows.some((row) => !isEmpty(row[i])));
  const used = <T>(items: readonly T[]) => items.filter((_, i) => isUsed[i]);
  return { ...table, columns: used(columns), rows: rows.map(used) };
}

function isEmpty(cell: PageCell | undefined): boolean {
  if (cell === undefined) return true;
  const text = typeof cell === 'string' || 'text' in cell ? plain(cell) : cell.toString();
  return text === '' || text === '-';
}

/** Makes the link to a device's row, or plain text. */
export function deviceLink(address: string, anchors: Anchors): Content {
  return anchors.has(address) ? html`<a href="#${encodeURIComponent(address)}">${address}</a>` : address;
}

/** Puts commas between. */
export function listed(items: readonly Content[]): Markup {
  return html`${items.map((item, i) => [i === 0 ? '' : ', ', item])}`;
}

/** A table with more rows is several, because a browser that lays them out in turn shows the first one at once. */
const MOST_ROWS = 200;

/** Makes the markup of a table. End tags that HTML does not need are left out: there may be a hundred thousand cells. */
export function tableMarkup(table: PageTable, anchors: Anchors): Markup {
  const { id, label, columns, rows, isTree = false, summary } = table;
  const headings = columns.map(
    ({ title, isOrdered }) => html`<th scope="col"${isOrdered ? html` data-order` : ''}>${title}`,
  );
  const all = rows.map((row, index) => rowMarkup(table, row, index, anchors));
  const isLong = all.length > MOST_ROWS;
  const pieces = Array.from({ length: Math.ceil(all.length / MOST_ROWS) }, (_, i) => {
    const name = isLong ? `${label}, part ${i + 1}` : label;
    return html`<div class="piece${isLong ? ' long' : ''}" tabindex="0" role="group" aria-label="${name}"><table><thead><tr>${headings}<tbody>
${all.slice(i * MOST_ROWS, (i + 1) * MOST_ROWS)}</table></div>`;
  });
  const whole = html`<div class="table" id="${id}"${isTree ? html` data-tree` : ''}>${pieces}</div>`;
  return summary === undefined ? whole : html`<details><summary>${summary}</summary>${whole}</details>`;
}

function rowMarkup({ columns, rowId }: PageTable, row: readonly PageCell[], index: number, anchors: Anchors): Markup {
  const name = rowId?.(index);
  const cells = row.map((cell, i) => cellMarkup(cell, columns[i]?.isDevice ? anchors : undefined));
  return html`<tr${name === undefined ? '' : html` id="${name}"`}>${cells}</tr>
`;
}

function cellMarkup(cell: PageCell, anchors: Anchors | undefined): Markup {
  if (typeof cell !== 'string' && !('text' in cell)) return html`<td>${cell}`;
  const text = plain(cell);
  const { branch = '', meaning } = typeof cell === 'string' ? { meaning: undefined } : cell;
  if (isEmpty(cell)) return html`<td>`;
  const strokes =
    branch === '' ? '' : html`<span role="img" aria-label="level ${branch.length / STROKE + 1}">${branch}</span>`;
  const content = anchors === undefined ? text : deviceLink(text, anchors);
  return html`<td${meaning === undefined ? '' : html` class="${meaning}"`}>${strokes}${content}`;
}

const STROKES = { fork: '├─ ', last: '└─ ', line: '│  ', blank: '   ' };
const STROKE = 3;

/** Returns the rows of trees, each with its strokes in the first cell. */
export function treeRows(roots: readonly TreeNode[]): (string | Cell)[][] {
  return Array.from(branches(roots, STROKES), ({ branch, node: { cells } }) => {
    const [first = '', ...others] = cells;
    return [{ ...(typeof first === 'string' ? { text: first } : first), branch }, ...others];
  });
}

/** Returns the text of a cell of {@link treeRows}. */
export const textOf = (cell: string | Cell | undefined): string => (cell === undefined ? '' : plain(cell));

/** Titles of columns whose text is compared by character. */
const CODE = /^(?:ADDRESS|DEVICE|ID|DRIVER|NODE|REGION|SIZE|OFFSET|SUBSYSTEM|RESERVED|MEMBERS|BLOCKED BY|SUBJECTS?)$/;
/** Those whose text is broken into lines between words, and those where it may be anywhere. */
const WORDS = /^(?:STATE|CLASS|USE|RESET|ENDPOINTS|HELD BY)$/;
const ANYWHERE = /^(?:NAME|FINDING|REMEDY|REASON|RESERVED|MEMBERS|BLOCKED BY|SUBJECTS|PATH|SERIAL)$/;

/** Makes the rules of style that follow from the columns: fonts, line breaks, and on a phone the title of each cell. */
export function columnStyle(tables: readonly PageTable[]): string {
  const rules = tables.flatMap(({ id, columns }) =>
    columns.map(({ title }, i) => ({ title, cell: `#${id} td:nth-child(${i + 1})` })),
  );
  const select = (pattern: RegExp) => rules.filter(({ title }) => pattern.test(title)).map(({ cell }) => cell);
  return [
    `${select(CODE).join(',\n')} { font-family: var(--code); font-size: 0.8125rem; }`,
    `${select(WORDS).join(',\n')} { white-space: normal; overflow-wrap: normal; }`,
    `${select(ANYWHERE).join(',\n')} { white-space: normal; }`,
    '@media screen and (max-width: 50rem) {',
    ...rules
      .filter(({ cell }) => !cell.endsWith('(1)'))
      .map(({ title, cell }) => `${cell}::before { content: "${title} "; }`),
    '}',
    '',
  ].join('\n');
}
