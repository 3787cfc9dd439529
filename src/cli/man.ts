import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pageFile } from './manual/pages';
import { renderManual } from './manual/render';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument } from './program/options';

export const command: VerbSpec = {
  description: 'the manual, also where none is installed',
  arguments: [argument('[page]', 'udrv, or another page: uio, vfio, usb, doctor')],
  examples: ['man', 'man usb'],
  run: man,
};

/** Programs that show a page, the first choice before the next: the arguments for a terminal, and for anything else. */
const VIEWERS: readonly (readonly [program: string, onTerminal: readonly string[], elsewhere: readonly string[]])[] = [
  ['man', ['-l'], ['-l']],
  ['mandoc', ['-a'], []],
];

const WIDTH = 78;

function man(context: Context, page = 'udrv'): undefined {
  const file = pageFile(page);
  const { stdout } = context;
  // Ctrl-C is the pager's.
  if (stdout.isTTY) process.on('SIGINT', () => {});
  const isShown = VIEWERS.some(([program, onTerminal, elsewhere]) => {
    if (stdout.isTTY) return showOnTerminal(program, [...onTerminal, file]);
    const text = formatted(program, [...elsewhere, file]);
    if (text !== null) stdout.write(text);
    return text !== null;
  });
  if (!isShown) context.page(renderManual(readFileSync(file, 'utf8'), Math.min(WIDTH, context.width ?? WIDTH)));
}

/** Runs a program that has the terminal until it ends. @returns whether it could show the page */
function showOnTerminal(program: string, args: readonly string[]): boolean {
  const { error, status } = spawnSync(program, args, { stdio: ['inherit', 'inherit', 'ignore'] });
  // Null: its pager or itself was ended by a signal, after it began.
  return error === undefined && (status === 0 || status === null);
}

/** Returns a page as plain text; null where the program is not there, or does something else with these arguments. */
function formatted(program: string, args: readonly string[]): string | null {
  const { error, status, stdout } = spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  // A minimal installation may have a `man` that tells how to install one.
  if (error !== undefined || status !== 0 || !stdout.includes('udrv')) return null;
  return plain(stdout);
}

/** Takes out overstrikes, `N\bN` and `_\bN`, and colours. */
function plain(text: string): string {
  return text.replace(/.\x08/gu, '').replace(/\x1b\[[\d;]*m/g, '');
}
