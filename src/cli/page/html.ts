import { visible } from '../output/escape';

/** Finished markup. Its class stays in here: all text from elsewhere is escaped where it is put in. */
class FinishedMarkup {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

export type Markup = FinishedMarkup;

export type Content = string | number | Markup | readonly Content[];

/**
 * Makes markup of a template, whose values are text or other markup. Text is escaped for elements and for quoted
 * attributes, and its control characters and bidirectional ones are made visible: nothing that a device says is markup.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = strings[0] ?? '';
  for (const [i, value] of values.entries()) text += escaped(value) + (strings[i + 1] ?? '');
  return new FinishedMarkup(text);
}

/** Takes a file of the package, a style sheet or a script, as it is. @throws Error where it would end its element */
export function trusted(file: string): Markup {
  if (/<\/|<!--/.test(file)) throw new Error('the file ends the element that it is in');
  return new FinishedMarkup(file);
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(value: Content): string {
  if (value instanceof FinishedMarkup) return value.toString();
  if (typeof value === 'string') return visible(value).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '');
  if (typeof value === 'number') return String(value);
  return value.map(escaped).join('');
}
