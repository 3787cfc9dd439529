import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SysError, usageError } from '../../errors';
import { sysCall } from '../../sys/linux/node-fs';
import { replaceFile } from '../../sys/linux/replace-file';
import type { KeptMapsFile } from '../documents/administration';
import { userDirectory } from '../program/user-directory';

const SCHEMA = 'udrv.maps/1';

/** Maps that are kept, by the kind of device: `1234:11e8`, `xlnx,axi-dma-1.00.a`. The values are those of `--map`. */
export type KeptMaps = Map<string, string>;

/** Returns the map that is kept for the first of these kinds that has one; null: there is none. */
export function keptMap(env: NodeJS.ProcessEnv, kinds: readonly string[]): string | null {
  const path = keptMapsFile(env);
  if (path === null || kinds.length === 0) return null;
  const maps = readKeptMaps(path);
  for (const kind of kinds) {
    const found = maps.get(kind);
    if (found !== undefined) return found;
  }
  return null;
}

/** Returns the file of the maps that are kept; null: the user has no directory for configuration. */
export function keptMapsFile(env: NodeJS.ProcessEnv): string | null {
  const base = userDirectory(env['XDG_CONFIG_HOME'], env['HOME'], '.config');
  return base === null ? null : join(base, 'udrv', 'maps.json');
}

/** Reads the maps that are kept; none, where the file is not there. @throws usage, where it is damaged */
export function readKeptMaps(path: string): KeptMaps {
  let text: string;
  try {
    text = sysCall('open', path, () => readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof SysError && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return new Map();
    throw error;
  }
  const maps = parse(text);
  if (maps === null) throw usageError(path, 'is damaged: it has no maps', 'remove the file, and keep the maps again');
  return maps;
}

/** Writes the maps that are kept, whole or not at all. @throws SysError */
export function writeKeptMaps(path: string, maps: KeptMaps): void {
  const directory = dirname(path);
  const file: KeptMapsFile = { schema: SCHEMA, maps: Object.fromEntries(maps) };
  const text = `${JSON.stringify(file, null, 2)}\n`;
  sysCall('mkdir', directory, () => mkdirSync(directory, { recursive: true, mode: 0o700 }));
  replaceFile(path, text, { mode: 0o600, isExact: true });
}

function parse(text: string): KeptMaps | null {
  try {
    const { schema, maps } = JSON.parse(text) as { schema: unknown; maps: unknown };
    if (schema !== SCHEMA || typeof maps !== 'object' || maps === null) return null;
    const entries = Object.entries(maps);
    return entries.every(([, map]) => typeof map === 'string') ? new Map(entries) : null;
  } catch {
    return null;
  }
}

/** {@link keptMapsFile}. @throws usage, where there is none */
export function expectKeptMapsFile(env: NodeJS.ProcessEnv): string {
  const path = keptMapsFile(env);
  if (path !== null) return path;
  throw usageError('map', 'no directory for configuration', 'set HOME or XDG_CONFIG_HOME to an absolute path');
}
