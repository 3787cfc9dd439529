import type { ListOptions } from '../devices/list';
import type { GlobalOptions } from '../program/context';

/** The options of a listing, as commander would give them. */
export interface PlainList {
  global: GlobalOptions;
  list: ListOptions;
}

/**
 * Recognizes a line that is `list` or `ls` with nothing but `--json`, `--all` and options that name the machine, each a
 * word of its own. Whatever else a line may be, also a wrong one, is for commander; a test compares the two.
 *
 * @returns null for any other line
 */
export function plainList(line: readonly string[]): PlainList | null {
  const global: { -readonly [Name in keyof GlobalOptions]: GlobalOptions[Name] } = {
    color: 'auto',
    pager: true,
    config: true,
  };
  const list: ListOptions = { headings: true };
  let isList = false;
  for (let i = 0; i < line.length; i++) {
    const word = line[i];
    if (!isList && (word === 'list' || word === 'ls')) isList = true;
    else if (word === '--json') global.json = true;
    else if (word === '--sim') global.sim = true;
    else if (word === '--all' && isList) list.all = true;
    else if (word === '--snapshot' || word === '--sysroot') {
      const value = line[++i];
      if (!value || value.startsWith('-')) return null;
      global[word === '--snapshot' ? 'snapshot' : 'sysroot'] = value;
    } else return null;
  }
  return isList ? { global, list } : null;
}
