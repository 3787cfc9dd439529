import stringWidth from 'string-width';

/** Code points that are looked at together: graphemes take time by the square of the length of a text. */
const PIECE = /[\s\S]{1,2000}/gu;

export function textWidth(text: string): number {
  return pieces(text).reduce((sum, piece) => sum + stringWidth(piece), 0);
}

/** Cuts between graphemes: an emoji of several code points, or a letter and its marks, stays whole or goes. */
export function shortened(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  if (columns < 1) return '';
  const segmenter = new Intl.Segmenter();
  let kept = '';
  let used = 0;
  for (const piece of pieces(text))
    for (const { segment } of segmenter.segment(piece)) {
      used += stringWidth(segment);
      if (used > columns - 1) return `${kept}…`;
      kept += segment;
    }
  return kept;
}

const pieces = (text: string): string[] => text.match(PIECE) ?? [];
