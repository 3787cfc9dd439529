/**
 * Colours by their meaning, which is never in the colour alone. They can be read on a light and on a dark background:
 * yellow cannot, and grey on neither, so that `dim` is for what may be overlooked.
 */
export interface Style {
  heading(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
}

/** The name of a colour. */
export type Meaning = keyof Style;

const plain = (text: string) => text;
export const PLAIN: Style = { heading: plain, good: plain, warning: plain, bad: plain, dim: plain };

export type ColorChoice = 'auto' | 'always' | 'never';

/**
 * Tells whether to colour: `--color` beats NO_COLOR (non-empty), which beats FORCE_COLOR, which beats the user's
 * settings, which beat "is it a terminal".
 */
export function useColor(
  choice: ColorChoice,
  env: NodeJS.ProcessEnv,
  isTTY: boolean,
  setting: ColorChoice = 'auto',
): boolean {
  if (choice !== 'auto') return choice === 'always';
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return setting === 'auto' ? isTTY && env['TERM'] !== 'dumb' : setting === 'always';
}

export function makeStyle(color: boolean): Style {
  if (!color) return PLAIN;
  // Loaded only for colour: most output goes to pipes.
  const { bold, green, magenta, red, dim } = new (require('chalk').Chalk)({ level: 1 });
  return { heading: bold, good: green, warning: magenta, bad: red, dim };
}
