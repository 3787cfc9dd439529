/** Text in which every UTF-16 unit is one column of a terminal: ASCII, and the Latin letters that have marks of their own. */
const LATIN = /^[\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff]*$/;

/** Returns the columns that a text takes on a terminal. Escape sequences of colour take none. */
export function textWidth(text: string): number {
  return LATIN.test(text) ? text.length : wide().textWidth(text);
}

/** Cuts a text to a number of columns; the last one is then an ellipsis. */
export function shortened(text: string, columns: number): string {
  if (!LATIN.test(text)) return wide().shortened(text, columns);
  if (text.length <= columns) return text;
  return columns < 1 ? '' : `${text.slice(0, columns - 1)}…`;
}

/** Puts words into lines of so many columns, with a blank between two. A word that is longer has a line of its own. */
export function wrapWords(words: Iterable<string>, columns: number): string[] {
  const lines: string[] = [];
  let used = 0;
  for (const word of words) {
    const width = textWidth(word);
    if (lines.length === 0 || used + 1 + width > columns) {
      lines.push(word);
      used = width;
    } else {
      lines[lines.length - 1] += ` ${word}`;
      used += 1 + width;
    }
  }
  return lines;
}

/** Returns the blanks that make a text so many columns wide. */
export function padding(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - textWidth(text)));
}

/** Loaded only for text that is not {@link LATIN}: the tables of Unicode take time to read. */
function wide(): typeof import('./wide-text') {
  return require('./wide-text');
}
