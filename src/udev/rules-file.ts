/** Rules of udev as udev(7) describes them: lines of `KEY{attribute}OPERATOR"value"`, which match or assign. */

/** The administrator's rules. */
export const RULES = '/etc/udev/rules.d';

export type Operator = '==' | '!=' | '=' | '+=' | '-=' | ':=';

export interface Term {
  key: string;
  /** The text in braces: `idVendor` in `ATTR{idVendor}`. */
  attribute: string | null;
  operator: Operator;
  value: string;
}

export interface Rule {
  path: string;
  /** The line on which it begins, from 1. */
  line: number;
  terms: Term[];
}

/** More than any rules file of a distribution has; a longer one is cut. */
const MAX_RULES = 10_000;

const TERM = /\s*,?\s*([A-Za-z_]+)(?:\{([^}]*)\})?\s*(==|!=|\+=|-=|:=|=)\s*[ei]?"((?:[^"\\]|\\.)*)"/y;

/** Parses a rules file. A line that cannot be read to its end keeps the terms before that, as udev does with a warning. */
export function parseRules(path: string, text: string): Rule[] {
  const rules: Rule[] = [];
  let begun: { line: number; text: string } | undefined;
  for (const [i, one] of text.split('\n').entries()) {
    // A comment within a continued line is left out, and the line goes on.
    if (/^\s*#/.test(one)) continue;
    begun = { line: begun?.line ?? i + 1, text: (begun?.text ?? '') + one };
    if (begun.text.endsWith('\\')) {
      begun.text = begun.text.slice(0, -1);
      continue;
    }
    const terms = parseTerms(begun.text);
    if (terms.length > 0) rules.push({ path, line: begun.line, terms });
    if (rules.length === MAX_RULES) break;
    begun = undefined;
  }
  return rules;
}

function parseTerms(text: string): Term[] {
  const terms: Term[] = [];
  TERM.lastIndex = 0;
  for (let match = TERM.exec(text); match !== null; match = TERM.exec(text)) {
    const [, key = '', attribute = null, operator, value = ''] = match;
    terms.push({ key, attribute, operator: operator as Operator, value });
  }
  return terms;
}

export function isMatch({ operator }: Term): boolean {
  return operator === '==' || operator === '!=';
}

/** Writes a term as it stands in a file. */
export function termText({ key, attribute, operator, value }: Term): string {
  return `${key}${attribute === null ? '' : `{${attribute}}`}${operator}"${value}"`;
}
