import { join } from 'node:path';

/** Code that V8 has compiled, for all that is started: a third of a start. Nothing else of a user's is there. */
const XDG_CACHE_HOME = join(__dirname, '../../node_modules/.cache/udrv');

/** Returns the environment of a command: little more than what is asked for. */
export function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', XDG_CACHE_HOME, COLUMNS: '80', ...extra };
}
