import stringWidth from 'string-width';

/** Code points that are looked at together: graphemes take time by the square of the length of a text. */
const PIECE = /[\s\S]{1,2000}/gu;

export function textWidth(text: string): number {
  let width = 0;
  for (const [piece] of text.matchAll(PIECE)) width += stringWidth(piece);
  return width;
}

/**
 * Cuts between graphemes: an emoji of several code points, or a letter and its marks, stays whole or goes. The text has no
 * escape sequences. Looks at no more of it than the columns need.
 */
export function shortened(text: string, columns: number): string {
  let used = 0;
  let at = 0;
  let kept = 0;
  for (const segment of graphemes(text)) {
    used += stringWidth(segment);
    if (used > columns) return columns < 1 ? '' : `${text.slice(0, kept)}…`;
    at += segment.length;
    // The ellipsis takes a column.
    if (used < columns) kept = at;
  }
  return text;
}

function* graphemes(text: string): Iterable<string> {
  const segmenter = new Intl.Segmenter();
  for (const [piece] of text.matchAll(PIECE)) for (const { segment } of segmenter.segment(piece)) yield segment;
}
