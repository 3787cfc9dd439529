type Test = (character: string) => boolean;

/** Tells whether a text matches a pattern as fnmatch(3) has it: `*`, `?`, `[a-z]`, `[!0-9]`. Takes at most the product of both lengths. */
export function globbed(pattern: string, text: string): boolean {
  const tests = compile(pattern);
  const characters = [...text];
  let at = 0;
  // The last star, and where what it stands for ends: it takes one more when the rest fails.
  let star = -1;
  let taken = 0;
  let i = 0;
  while (i < characters.length) {
    const test = tests[at];
    if (test === '*') {
      star = at++;
      taken = i;
    } else if (test?.(characters[i] ?? '')) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++taken;
    } else return false;
  }
  while (tests[at] === '*') at++;
  return at === tests.length;
}

function compile(pattern: string): (Test | '*')[] {
  const tests: (Test | '*')[] = [];
  const parts = pattern.matchAll(/\[(!?)(\]?[^\]]*)\]|\\?([\s\S])/gu);
  for (const [whole, negated = '', set, literal = ''] of parts)
    if (set !== undefined) tests.push((one) => inSet(set, one) !== (negated === '!'));
    else if (whole === '*') tests.push('*');
    else if (whole === '?') tests.push(() => true);
    else tests.push((one) => one === literal);
  return tests;
}

function inSet(set: string, one: string): boolean {
  const members = [...set];
  return members.some((member, i) => {
    if (member === '-' && i > 0 && i < members.length - 1)
      return (members[i - 1] ?? '') <= one && one <= (members[i + 1] ?? '');
    return member === one;
  });
}
