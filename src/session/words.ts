import { usageError } from '../errors';

/** Words of a step behind its verb, taken one after another. */
export class Words {
  readonly verb: string;
  readonly usage: string;
  readonly #words: string[];

  constructor(verb: string, usage: string, words: readonly string[]) {
    this.verb = verb;
    this.usage = usage;
    this.#words = [...words];
  }

  get length(): number {
    return this.#words.length;
  }

  peek(): string | undefined {
    return this.#words[0];
  }

  /** Takes the next word. @param what it is, for the error */
  next(what: string): string {
    const word = this.#words.shift();
    if (word === undefined) throw usageError(this.verb, `no ${what}`, `usage: ${this.usage}`);
    return word;
  }

  /** Takes the next word where there is one. */
  optional(): string | undefined {
    return this.#words.shift();
  }

  /** Takes all that is left. */
  rest(): string[] {
    return this.#words.splice(0);
  }

  /** Takes a flag wherever it stands. */
  flag(name: string): boolean {
    const at = this.#words.indexOf(name);
    if (at >= 0) this.#words.splice(at, 1);
    return at >= 0;
  }

  /** Takes an option with its value wherever it stands. */
  option(...names: readonly string[]): string | undefined {
    const at = this.#words.findIndex((word) => names.includes(word));
    if (at < 0) return undefined;
    const [name, value] = this.#words.splice(at, 2);
    if (value === undefined) throw usageError(`${this.verb} ${name}`, 'no value', `usage: ${this.usage}`);
    return value;
  }

  /** @throws usage where words are left */
  end(): void {
    const [word] = this.#words;
    if (word !== undefined) throw usageError(word, `is too much for ${this.verb}`, `usage: ${this.usage}`);
  }
}
