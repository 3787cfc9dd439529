import type { OutputStream } from './stream';

/** The width of a terminal that does not tell its own. */
const DEFAULT_COLUMNS = 80;

/** Returns the width of a terminal now; COLUMNS where it does not tell. */
export function columnsOf({ fd }: Pick<OutputStream, 'fd'>, env: NodeJS.ProcessEnv): number {
  const { columns } = fd === 2 ? process.stderr : process.stdout;
  return columns || size(env['COLUMNS']) || DEFAULT_COLUMNS;
}

/** Returns the height of a terminal now; LINES where it does not tell. */
export function rowsOf(env: NodeJS.ProcessEnv): number {
  return process.stdout.rows || size(env['LINES']) || 24;
}

function size(asked = ''): number {
  const number = Number(asked);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

/** Tells whether the locale has characters beyond ASCII: LC_ALL beats LC_CTYPE, which beats LANG (locale(7)). */
export function useUnicode(env: NodeJS.ProcessEnv): boolean {
  return /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
}
