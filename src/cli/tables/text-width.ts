/** Text in which every UTF-16 unit is one column of a terminal. */
const ASCII = /^[\x20-\x7e]*$/;

/** Returns the columns that a text takes on a terminal. Escape sequences of colour take none. */
export function textWidth(text: string): number {
  return ASCII.test(text) ? text.length : wide().textWidth(text);
}

/** Cuts a text to a number of columns; the last one is then an ellipsis. */
export function shortened(text: string, columns: number): string {
  if (!ASCII.test(text)) return wide().shortened(text, columns);
  if (text.length <= columns) return text;
  return columns < 1 ? '' : `${text.slice(0, columns - 1)}…`;
}

/** Puts words into lines of so many columns, with a blank between two. A word that is longer has a line of its own. */
export function wrapWords(words: Iterable<string>, columns: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length === 0 || textWidth(longer) > columns) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** Returns the blanks that make a text so many columns wide. */
export function padding(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - textWidth(text)));
}

/** Loaded only for text that is not ASCII: the tables of Unicode take time to read. */
function wide(): typeof import('./wide-text') {
  return require('./wide-text');
}
