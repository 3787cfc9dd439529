/** Text in which every UTF-16 unit is one column of a terminal: ASCII, and the Latin letters that have marks of their own. */
const LATIN = /^[\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff]*$/;

/** Text as LATIN, or letters of two columns: kana, ideographs and Hangul syllables. None of them joins with another. */
const LATIN_OR_WIDE =
  /^[\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3]*$/;
const FIRST_WIDE = '\u3041';

/** Returns the columns that a text takes on a terminal. Escape sequences of colour take none. */
export function textWidth(text: string): number {
  if (LATIN.test(text)) return text.length;
  if (!LATIN_OR_WIDE.test(text)) return wide().textWidth(text);
  let width = 0;
  for (const letter of text) width += letter < FIRST_WIDE ? 1 : 2;
  return width;
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
