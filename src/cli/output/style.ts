/** Colours by their meaning. No meaning is in the colour alone. */
export interface Style {
  heading(text: string): string;
  good(text: string): string;
  warning(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
}

const plain = (text: string) => text;
const PLAIN: Style = { heading: plain, good: plain, warning: plain, bad: plain, dim: plain };

export type ColorChoice = 'auto' | 'always' | 'never';

/** Tells whether to colour: `--color` beats NO_COLOR (non-empty), which beats FORCE_COLOR, which beats "is it a terminal". */
export function useColor(choice: ColorChoice, env: NodeJS.ProcessEnv, isTTY: boolean): boolean {
  if (choice !== 'auto') return choice === 'always';
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTTY && env['TERM'] !== 'dumb';
}

/** Tells whether the locale has characters beyond ASCII: LC_ALL beats LC_CTYPE, which beats LANG (locale(7)). */
export function useUnicode(env: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
}

export function makeStyle(color: boolean): Style {
  if (!color) return PLAIN;
  // Loaded only for colour: most output goes to pipes.
  const { bold, green, yellow, red, dim } = new (require('chalk').Chalk)({ level: 1 });
  return { heading: bold, good: green, warning: yellow, bad: red, dim };
}
