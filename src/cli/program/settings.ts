import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { userDirectory } from './user-directory';

/** The user's own defaults, from `udrv/config`: lines of `KEY = VALUE`. They are for terminals, and no script sees them. */

export interface Setting {
  value: string;
  /** The file and line, for remarks. */
  where: string;
}

const COLORS: readonly string[] = ['auto', 'always', 'never'];
/** Keys of a list's setting: `list.columns`, `vfio.groups.sort`. */
const OF_LIST = /^(?:list|uio\.list|vfio\.list|vfio\.groups|usb\.list)\.(?:columns|sort)$/;

/** Far more than anybody writes. */
const MAX_SIZE = 64 * 1024;

export type Settings = ReadonlyMap<string, Setting>;

/** Returns the path of the file; null where there is no home. */
function settingsPath(env: NodeJS.ProcessEnv): string | null {
  const base = userDirectory(env['XDG_CONFIG_HOME'], env['HOME'], '.config');
  return base === null ? null : join(base, 'udrv/config');
}

/** Reads the user's settings; there are none where there is no file. @param warn is told of each line that is wrong */
export function readSettings(env: NodeJS.ProcessEnv, warn: (text: string) => void): Settings {
  const path = settingsPath(env);
  if (path === null) return new Map();
  let text: string;
  try {
    text = readSmallFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') warn(`${path}: ${code ?? message}: the settings are not used`);
    return new Map();
  }
  return parseSettings(text, path, warn);
}

export function parseSettings(text: string, path: string, warn: (text: string) => void): Settings {
  const settings = new Map<string, Setting>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const where = `${path}:${i + 1}`;
    const cut = line.indexOf('=');
    const [key, value] = cut < 0 ? [line.trim(), ''] : [line.slice(0, cut).trim(), line.slice(cut + 1).trim()];
    const wrong = cut < 0 ? 'is not KEY = VALUE' : wrongIn(key, value);
    if (wrong === null) settings.set(key, { value, where });
    else warn(`${where}: ${wrong}; the line is ignored`);
  }
  return settings;
}

function wrongIn(key: string, value: string): string | null {
  if (key !== 'color' && key !== 'pager' && !OF_LIST.test(key))
    return `no such setting: ${key || "''"}; there are color, pager, and COMMAND.columns and COMMAND.sort of each list`;
  if (value === '' && key !== 'pager') return `${key} has no value`;
  if (key === 'color' && !COLORS.includes(value)) return `color is ${COLORS.join(', ')}, not ${value}`;
  return null;
}

/**
 * Reads a regular file of the user without waiting: a FIFO in its place must not stop every command, and a file of
 * another user, whose home sudo may have left in HOME, must not name the pager that root starts.
 */
function readSmallFile(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('no regular file');
    if (stat.uid !== 0 && stat.uid !== process.geteuid?.()) throw new Error('belongs to another user');
    if (stat.size > MAX_SIZE) throw new Error('too large');
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}
