import { matchesElements } from '../text/wildcard';

type Test = (character: string) => boolean;

/** Tells whether a text matches a pattern as fnmatch(3) has it: `*`, `?`, `[a-z]`, `[!0-9]`. Takes at most the product of both lengths. */
export function globbed(pattern: string, text: string): boolean {
  const tests = compile(pattern);
  const characters = [...text];
  return matchesElements(
    tests.length,
    characters.length,
    (at) => tests[at] === '*',
    (at, i) => {
      const test = tests[at];
      return typeof test === 'function' && test(characters[i] ?? '');
    },
  );
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
