/** Text in which every UTF-16 unit is one column of a terminal. */
const ASCII = /^[\x20-\x7e]*$/;

/** Characters of two columns: East Asian wide and full-width ones, and emoji (Unicode, EastAsianWidth.txt). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Characters that stand on the one before, or are not seen. */
const MARK = /^(?:\p{M}|\p{Cf})+$/u;

/** Returns the columns that a text takes on a terminal. */
export function textWidth(text: string): number {
  if (ASCII.test(text)) return text.length;
  return graphemes(text).reduce((sum, one) => sum + graphemeWidth(one), 0);
}

/** Cuts a text to a number of columns; the last one is then an ellipsis. */
export function shortened(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return '';
  let kept = '';
  let used = 0;
  for (const one of graphemes(text)) {
    used += graphemeWidth(one);
    if (used > columns - 1) break;
    kept += one;
  }
  return `${kept}…`;
}

/** Returns the blanks that make a text so many columns wide. */
export function padding(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - textWidth(text)));
}

/** Splits between what a person takes for characters: an emoji of several code points, or a letter with its marks. */
const graphemes = (text: string): string[] => Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);

const graphemeWidth = (text: string): number => (WIDE.test(text) ? 2 : MARK.test(text) ? 0 : 1);
