/** A longer word is nothing that somebody mistyped. */
const LONGEST = 64;

/**
 * Returns the words that a mistyped one may stand for: those with the fewest typing errors, at most one in three
 * characters and one in a short word. An error is a character that is missing, too many or another, or two that are
 * swapped; upper and lower case are the same.
 */
export function nearest(word: string, candidates: Iterable<string>): string[] {
  if (word.length > LONGEST) return [];
  const most = Math.max(1, Math.floor(word.length / 3));
  let least = most;
  let found: string[] = [];
  for (const candidate of new Set(candidates)) {
    // Nobody means a word of two letters by another one.
    if (Math.max(word.length, candidate.length) < 3 || Math.abs(word.length - candidate.length) > least) continue;
    const errors = typingErrors(word.toLowerCase(), candidate.toLowerCase());
    if (errors > least) continue;
    if (errors < least) found = [];
    least = errors;
    found.push(candidate);
  }
  return found;
}

/** The most words in a suggestion: more are no help. */
const MOST = 4;

/** Returns the question for a mistyped word, `did you mean uio0?`; undefined where nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const words = nearest(word, candidates);
  if (words.length === 0 || words.length > MOST) return undefined;
  return `did you mean ${words.length === 1 ? words[0] : `one of ${words.join(', ')}`}?`;
}

/** Counts typing errors: the optimal string alignment distance. */
function typingErrors(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = at(previous, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(at(previous, j) + 1, at(row, j - 1) + 1, substituted);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(at(row, j), at(before, j - 2) + 1);
    }
    before = previous;
    previous = row;
  }
  return at(previous, b.length);
}

const at = (row: readonly number[], i: number): number => row[i] ?? 0;
