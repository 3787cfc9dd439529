/**
 * Names of usage pages and usages: HID Usage Tables, from the table that is parsed when the first of them is asked for.
 */
import { USAGE_TABLES } from './usage-tables';

interface UsagePage {
  name: string;
  usages: Map<number, string>;
  /** The word before the number, for a page whose usages are numbered. */
  prefix?: string;
}

let pages: Map<number, UsagePage> | undefined;

function usagePage(page: number): UsagePage | undefined {
  pages ??= parse(USAGE_TABLES);
  return pages.get(page);
}

function parse(tables: string): Map<number, UsagePage> {
  const found = new Map<number, UsagePage>();
  let page: UsagePage | undefined;
  for (const line of tables.trim().split('\n')) {
    const [, indent, number, dots, text = ''] = /^( ?)(0x\w+)(\.\.)? (.*)$/.exec(line) ?? [];
    if (indent === '') {
      page = { name: text, usages: new Map() };
      found.set(Number(number), page);
    } else if (dots === undefined) {
      for (const [i, name] of text.split('|').entries()) page?.usages.set(Number(number) + i, name);
    } else if (page !== undefined) {
      page.prefix = text;
    }
  }
  return found;
}

const UNICODE = 0x10;
const SENSORS = 0x20;

/** Pages that the tables list without usages of their own. */
const BARE_PAGES: ReadonlyMap<number, string> = new Map([
  [0x00, 'Undefined'],
  [UNICODE, 'Unicode'],
  [0x92, 'Gaming Device'],
]);

/** Returns the name of a usage page; null where it has none. */
export function usagePageName(page: number): string | null {
  const name = usagePage(page)?.name ?? BARE_PAGES.get(page);
  return name ?? (page >= 0xff00 && page <= 0xffff ? 'Vendor Defined' : null);
}

/** Returns the name of a usage in its page; null where it has none. */
export function usageName(page: number, usage: number): string | null {
  const found = usagePage(page);
  if (page === UNICODE) return `U+${usage.toString(16).toUpperCase().padStart(4, '0')}`;
  if (found === undefined) return null;
  if (usage === 0) return 'Undefined';
  if (found.prefix !== undefined) return `${found.prefix} ${usage}`;
  return found.usages.get(usage) ?? (page === SENSORS ? modified(found, usage) : null);
}

/** Names a sensor's data field that has a modifier in bits 12 to 15. */
function modified({ usages }: UsagePage, usage: number): string | null {
  const field = usages.get(usage & 0x0fff);
  const modifier = usages.get(usage & 0xf000);
  return field === undefined || modifier === undefined ? null : `${field} (${modifier})`;
}
