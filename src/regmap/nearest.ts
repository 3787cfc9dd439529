/** Characters of a name that are compared: what is longer is not typed. */
const LONGEST = 64;
/** Names that are suggested at most. */
const MOST = 3;

/** Returns a hint that names the words that are most like one that is not known; undefined: none is like it. */
export function suggestion(word: string, known: Iterable<string>): string | undefined {
  const near = nearest(word, known);
  return near.length === 0 ? undefined : `did you mean ${near.join(', ')}?`;
}

/** Returns the names that are most like a word, the nearest first; case does not count. */
export function nearest(word: string, names: Iterable<string>): string[] {
  const wanted = word.slice(0, LONGEST).toLowerCase();
  let best: string[] = [];
  // A third of the letters may be wrong.
  let least = Math.max(1, Math.floor(wanted.length / 3));
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > least) continue;
    const found = distance(wanted, name.slice(0, LONGEST).toLowerCase(), least);
    if (found > least) continue;
    if (found < least || best.length === 0) best = [];
    least = found;
    if (best.length < MOST && !best.includes(name)) best.push(name);
  }
  return best;
}

/** Counts the letters to change, put in or take out, two that changed places as one; more than `most` is not counted on. */
function distance(a: string, b: string, most: number): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const steps = [(last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1)];
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) steps.push((before[j - 2] ?? 0) + 1);
      row.push(Math.min(...steps));
    }
    if (Math.min(...row) > most) return most + 1;
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
