import { spawnSync } from 'node:child_process';
import { columnsOf } from './terminal';

/** Parts of a command line that a shell would replace or take for its own; the pager is started without one. */
const FOR_A_SHELL = /[$`\\;&|<>(){}*?~]/;
/** Words, of which any part may stand in quotes. */
const WORD = /(?:[^\s'"]|'[^']*'|"[^"]*")+/g;

/** Splits a pager's command into words. @returns null where a shell would be needed to understand it */
export function pagerWords(command: string): string[] | null {
  if (FOR_A_SHELL.test(command) || /['"]/.test(command.replace(WORD, ''))) return null;
  return Array.from(command.matchAll(WORD), ([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/** Escape sequences of colour, which take no room. */
const COLOR = /\x1b\[[\d;]*m/g;

/** Tells whether a text is higher than the terminal. Lines that are too long take several. */
export function needsPager(text: string, env: NodeJS.ProcessEnv): boolean {
  const { rows } = process.stdout;
  if (!rows || env['TERM'] === 'dumb') return false;
  const columns = columnsOf({ fd: 1 }, env);
  let height = 0;
  for (const line of text.replace(COLOR, '').split('\n')) height += Math.max(1, Math.ceil(line.length / columns));
  return height > rows;
}

/**
 * Shows a text in a pager, and returns once the user has left it, also before its end.
 *
 * @returns false where the pager could not be started, and nothing was shown
 */
export function showInPager(text: string, [program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): boolean {
  // Ctrl-C is the pager's as long as it runs.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    const { pid } = spawnSync(program, args, {
      input: text,
      stdio: ['pipe', 'inherit', 'inherit'],
      // The settings for `less` and `PAGER=less`: colours, and no clearing of the screen.
      env: { ...env, LESS: env['LESS'] ?? 'FRX' },
    });
    return pid !== 0;
  } finally {
    process.off('SIGINT', ignore);
  }
}
