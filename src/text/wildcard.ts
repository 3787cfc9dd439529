/** Tells whether a pattern with `*` and `?` matches all of a text, upper and lower case apart. */
export function matchesWildcard(pattern: string, text: string): boolean {
  return matchesElements(
    pattern.length,
    text.length,
    (at) => pattern[at] === '*',
    (at, i) => pattern[at] === '?' || pattern[at] === text[i],
  );
}

/**
 * Tells whether a pattern of so many elements matches all characters of a text. After a mismatch the last star alone takes
 * one character more, so that no pattern takes longer than the product of both lengths; a regular expression would.
 *
 * @param isStar whether an element stands for any characters
 * @param fits whether another element stands for a character
 */
export function matchesElements(
  elements: number,
  characters: number,
  isStar: (at: number) => boolean,
  fits: (at: number, i: number) => boolean,
): boolean {
  let [at, i] = [0, 0];
  let star = -1;
  let taken = 0;
  while (i < characters) {
    if (at < elements && isStar(at)) {
      star = at++;
      taken = i;
    } else if (at < elements && fits(at, i)) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++taken;
    } else return false;
  }
  while (at < elements && isStar(at)) at++;
  return at === elements;
}
