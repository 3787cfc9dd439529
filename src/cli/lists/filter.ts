import { usageError } from '../../errors';
import { matchesWildcard } from '../../text/wildcard';
import { type ListColumn, textOf, valueIn } from './column';

/**
 * Expressions of `--filter`, in which a blank between tokens says nothing:
 *
 *     or      = and { "||" and }
 *     and     = not { "&&" not }
 *     not     = "!" not | "(" or ")" | COLUMN [ ("=" | "==" | "!=" | "~" | "!~" | "<" | "<=" | ">" | ">=") VALUE ]
 *
 * A column alone holds where it has a value. `=` and `~` hold for a list where they do for one of its items.
 */

/** Depth of parentheses and negations: more overflows the stack, and nobody writes it. */
const DEEPEST = 100;

type Predicate<T> = (item: T) => boolean;

interface Token {
  /** `word` is bare or quoted text. */
  kind: 'operator' | 'word' | 'end';
  text: string;
  /** The place in the expression, from 1. */
  at: number;
}

/** Text is in quotes, or goes on until a blank or a character of the grammar. Each character is looked at once. */
const TOKEN = /\s*(?:(&&|\|\||[=!<>]=|!~|[()!=~<>])|"([^"]*)"|'([^']*)'|([^\s()!=~<>&|"']+))/y;
/** A value may have the characters of operators in it. */
const VALUE = /\s*(?:"([^"]*)"|'([^']*)'|([^\s()&|"']+))/y;

/**
 * Parses an expression to a test of an item.
 *
 * @param find returns the column of a name, or throws
 * @throws UdrvError exit 2 with the place where the expression is wrong
 */
export function parseFilter<T>(text: string, find: (name: string) => ListColumn<T>): Predicate<T> {
  return new Parser(text, find).parse();
}

class Parser<T> {
  readonly #text: string;
  readonly #find: (name: string) => ListColumn<T>;
  #at = 0;
  #depth = 0;
  #next: Token;

  constructor(text: string, find: (name: string) => ListColumn<T>) {
    this.#text = text;
    this.#find = find;
    this.#next = this.#token();
  }

  parse(): Predicate<T> {
    const test = this.#or();
    if (this.#next.kind !== 'end') throw this.#wrong(this.#next, 'expected && or ||');
    return test;
  }

  #or(): Predicate<T> {
    const tests = [this.#and()];
    while (this.#took('||')) tests.push(this.#and());
    return (item) => tests.some((test) => test(item));
  }

  #and(): Predicate<T> {
    const tests = [this.#not()];
    while (this.#took('&&')) tests.push(this.#not());
    return (item) => tests.every((test) => test(item));
  }

  #not(): Predicate<T> {
    const start = this.#next;
    if (++this.#depth > DEEPEST) throw this.#wrong(start, 'nested too deep');
    try {
      if (this.#took('!')) {
        const test = this.#not();
        return (item) => !test(item);
      }
      if (!this.#took('(')) return this.#comparison();
      const test = this.#or();
      if (!this.#took(')')) throw this.#wrong(this.#next, `expected ) for the ( at ${start.at}`);
      return test;
    } finally {
      this.#depth--;
    }
  }

  #comparison(): Predicate<T> {
    const name = this.#next;
    if (name.kind !== 'word') throw this.#wrong(name, 'expected a column');
    const column = this.#find(name.text);
    this.#next = this.#token();
    const operator = this.#next;
    if (operator.kind !== 'operator' || ['&&', '||', '(', ')', '!'].includes(operator.text))
      return (item) => isSet(column, item);
    const value = this.#value();
    this.#next = this.#token();
    switch (operator.text) {
      case '=':
      case '==':
        return equals(column, value.text);
      case '!=':
        return not(equals(column, value.text));
      case '~':
        return matches(column, value.text);
      case '!~':
        return not(matches(column, value.text));
      default:
        return this.#ordered(column, operator.text, value);
    }
  }

  #ordered(column: ListColumn<T>, operator: string, { text, at }: Token): Predicate<T> {
    const bound = numberIn(text);
    if (bound === null) throw this.#wrong({ at }, `${operator} compares numbers, and ${text || "''"} is none`);
    return (item) =>
      values(column, item).some((value) => {
        const number = numberIn(value);
        if (number === null) return false;
        if (number === bound) return operator.length === 2;
        return operator.startsWith('<') ? number < bound : number > bound;
      });
  }

  #took(operator: string): boolean {
    if (this.#next.kind !== 'operator' || this.#next.text !== operator) return false;
    this.#next = this.#token();
    return true;
  }

  #token(): Token {
    const match = this.#match(TOKEN);
    if (match === null) return this.#end('expected a column, an operator or a parenthesis');
    const [, operator, ...words] = match.groups;
    if (operator !== undefined) return { kind: 'operator', text: operator, at: match.at };
    return { kind: 'word', text: words.find((word) => word !== undefined) ?? '', at: match.at };
  }

  #value(): Token {
    const match = this.#match(VALUE);
    if (match === null) throw this.#wrong({ at: this.#text.length + 1, ...this.#rest() }, 'expected a value');
    const [, ...words] = match.groups;
    return { kind: 'word', text: words.find((word) => word !== undefined) ?? '', at: match.at };
  }

  #match(pattern: RegExp): { groups: readonly (string | undefined)[]; at: number } | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return null;
    const blanks = match[0].length - match[0].trimStart().length;
    const at = this.#at + blanks + 1;
    this.#at = pattern.lastIndex;
    return { groups: match, at };
  }

  #end(expected: string): Token {
    const rest = this.#rest();
    if (rest !== null) throw this.#wrong(rest, expected);
    return { kind: 'end', text: '', at: this.#text.length + 1 };
  }

  /** Returns the place of the next character that is no blank; null at the end. */
  #rest(): { at: number } | null {
    const rest = this.#text.slice(this.#at).trimStart();
    return rest === '' ? null : { at: this.#text.length - rest.length + 1 };
  }

  #wrong({ at }: { at: number }, message: string): Error {
    const where = at > this.#text.length ? 'at its end' : `at character ${at}`;
    return usageError(
      '--filter',
      `${where}: ${message}`,
      "write COLUMN=VALUE, as in 'framework=usb && driver~storage'",
    );
  }
}

const not =
  <T>(test: Predicate<T>): Predicate<T> =>
  (item) =>
    !test(item);

function isSet<T>(column: ListColumn<T>, item: T): boolean {
  const value = valueIn(column, item);
  return value !== null && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0);
}

/** Returns the texts by which a row may be found: those of its value, and the one that is shown. */
function values<T>(column: ListColumn<T>, item: T): string[] {
  const value = valueIn(column, item);
  const shown = textOf(column, item);
  if (value === null) return [shown];
  if (typeof value === 'boolean') return [shown, value ? 'yes' : 'no', String(value)];
  return [shown, ...[value].flat().map(String)];
}

function equals<T>(column: ListColumn<T>, text: string): Predicate<T> {
  const wanted = text.toLowerCase();
  const number = numberIn(text);
  return (item) => {
    if (wanted === '') return !isSet(column, item);
    const value = valueIn(column, item);
    if (number !== null && [value].flat().some((one) => one === number)) return true;
    return values(column, item).some((one) => one.toLowerCase() === wanted);
  };
}

/** Matches text with `*` and `?` as a whole, other text anywhere. */
function matches<T>(column: ListColumn<T>, text: string): Predicate<T> {
  const wanted = text.toLowerCase();
  const fits = /[*?]/.test(wanted)
    ? (value: string) => matchesWildcard(wanted, value)
    : (value: string) => value.includes(wanted);
  return (item) => isSet(column, item) && values(column, item).some((value) => fits(value.toLowerCase()));
}

/** Returns the number that a text stands for, decimal or 0x; null for other text. */
function numberIn(text: string): number | null {
  return /^(?:0x[0-9a-f]+|-?\d+(?:\.\d+)?)$/i.test(text) ? Number(text) : null;
}
