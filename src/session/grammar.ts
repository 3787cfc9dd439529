import { Exit, UdrvError, usageError } from '../errors';
import { parseCount } from '../model/notation';

/** One step as it is written: a verb and its words. */
export interface Statement {
  /** Position among the steps of the text, from 1 on; those inside of a `repeat` count once. */
  number: number;
  /** Line of the text, from 1 on. */
  line: number;
  verb: string;
  words: readonly string[];
  /** The step for people, with its words apart by one blank. */
  text: string;
}

/** `repeat N { ... }` */
export interface Repeat {
  number: number;
  line: number;
  count: number;
  steps: readonly Step[];
}

export type Step = Statement | Repeat;

/** The longest text: a step file is written by hand. */
const LONGEST = 1024 * 1024;
/** Repeats inside of each other. */
const DEEPEST = 8;

/** A word, or a sign: the end of a step, or a brace. */
type Token =
  | { kind: 'word'; text: string; line: number }
  | { kind: 'end'; line: number }
  | { kind: '{'; line: number }
  | { kind: '}'; line: number };

/**
 * Parses the text of a session: a step in a line or between `;`, words apart by blanks, a word with blanks in single or
 * double quotes, `#` at the beginning of a word for a comment up to the end of the line, and `repeat N { ... }`.
 *
 * @throws usage, with the line
 */
export function parseSteps(text: string): Step[] {
  if (text.length > LONGEST) throw usageError('steps', `are too long: ${LONGEST} characters at most`);
  return new Parser([...tokens(text)]).steps();
}

/** Counts the blocks of a text that are not closed yet: more lines have to follow. */
export function openBlocks(text: string): number {
  let depth = 0;
  for (const { kind } of tokens(text)) depth += kind === '{' ? 1 : kind === '}' ? -1 : 0;
  return depth;
}

/** Puts the place of a step, where it has one, in front of an error's subject. */
export function located(error: UdrvError, place: string | null): UdrvError {
  if (place === null) return error;
  const { message, code, exit, subject, hint, device } = error;
  return new UdrvError(message, { code, exit, subject: `${place}: ${subject}`, hint, device });
}

function failAt(line: number, subject: string, message: string, hint?: string): never {
  throw new UdrvError(message, { code: 'EUSAGE', exit: Exit.usage, subject: `line ${line}: ${subject}`, hint });
}

function* tokens(text: string): Generator<Token> {
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (char === '\n' || char === ';') {
      yield { kind: 'end', line };
      if (char === '\n') line++;
      at++;
    } else if (char === ' ' || char === '\t' || char === '\r') at++;
    else if (char === '#') {
      const end = text.indexOf('\n', at);
      at = end < 0 ? text.length : end;
    } else if (char === '{' || char === '}') {
      yield { kind: char, line };
      at++;
    } else {
      const word = readWord(text, at, line);
      yield { kind: 'word', text: word.text, line };
      at = word.end;
    }
  }
  yield { kind: 'end', line };
}

/** Reads a word, parts of which may be quoted: `@'a file'`. */
function readWord(text: string, start: number, line: number): { text: string; end: number } {
  let word = '';
  let at = start;
  for (; at < text.length; at++) {
    const char = text[at] ?? '';
    if (' \t\r\n;{}'.includes(char)) break;
    if (char === "'" || char === '"') {
      const end = text.indexOf(char, at + 1);
      const quoted = end < 0 ? '' : text.slice(at + 1, end);
      if (end < 0 || quoted.includes('\n')) failAt(line, char, 'the quote is not closed in its line');
      word += quoted;
      at = end;
    } else word += char;
  }
  for (const char of word) if (char < ' ' || char === '\x7f') failAt(line, word, 'has a control character');
  return { text: word, end: at };
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #number = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  steps(): Step[] {
    return this.#block(null);
  }

  /** @param opened line of the brace that opened the block; null for the whole text */
  #block(opened: number | null, depth = 0): Step[] {
    const steps: Step[] = [];
    for (let token = this.#next(); token !== undefined; token = this.#next()) {
      if (token.kind === 'end') continue;
      if (token.kind === '{') failAt(token.line, '{', 'opens nothing', 'write repeat N { STEP; STEP }');
      if (token.kind === '}') {
        if (opened === null) failAt(token.line, '}', 'closes nothing');
        return steps;
      }
      steps.push(this.#step(token.text, token.line, depth));
    }
    if (opened !== null) failAt(opened, 'repeat', 'its { is not closed');
    return steps;
  }

  #step(verb: string, line: number, depth: number): Step {
    const number = ++this.#number;
    const words: string[] = [];
    for (let token = this.#peek(); token?.kind === 'word'; token = this.#peek()) {
      words.push(token.text);
      this.#at++;
    }
    if (verb === 'repeat') return this.#repeat(number, line, words, depth);
    const next = this.#peek();
    if (next?.kind === '{') failAt(next.line, '{', `${verb} takes no block`, 'write repeat N { STEP; STEP }');
    return { number, line, verb, words, text: [verb, ...words].map(quoted).join(' ') };
  }

  #repeat(number: number, line: number, words: readonly string[], depth: number): Repeat {
    const [count, ...rest] = words;
    const brace = this.#skipLineEnds();
    if (count === undefined || rest.length > 0 || brace?.kind !== '{')
      failAt(line, 'repeat', 'write repeat N { STEP; STEP }');
    if (depth >= DEEPEST) failAt(line, 'repeat', `more than ${DEEPEST} inside of each other`);
    this.#at++;
    const times = atLine(line, () => parseCount(count));
    return { number, line, count: times, steps: this.#block(line, depth + 1) };
  }

  /** Skips line ends before a brace: it may stand in the next line. */
  #skipLineEnds(): Token | undefined {
    let at = this.#at;
    while (this.#tokens[at]?.kind === 'end') at++;
    if (this.#tokens[at]?.kind === '{') this.#at = at;
    return this.#peek();
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#at];
  }

  #next(): Token | undefined {
    return this.#tokens[this.#at++];
  }
}

function atLine<T>(line: number, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof UdrvError ? located(error, `line ${line}`) : error;
  }
}

const quoted = (word: string) => (/^[^\s;{}'"#]+$/.test(word) ? word : word.includes("'") ? `"${word}"` : `'${word}'`);
