import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { SEAL, STRIDE } from './seal';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/** Files that stay when one is written: one for each command that the user types, for each version of udrv and Node. */
const KEPT = 128;

const OTHERS_ANY = 0o077;

/**
 * Writes a code cache, whole or not at all, and removes the oldest ones. A failure has no effect.
 *
 * @param make is called only where it can be written
 */
export function writeCache(directory: string, name: string, make: () => Buffer): void {
  attempt(() => {
    makePrivate(directory);
    inPrivate(directory, (inside) => {
      const unfinished = join(inside, `${name}.${process.pid}`);
      const fd = openSync(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        const content = sealed(make());
        if (writeSync(fd, content) !== content.length) throw new Error('the disk is full');
        renameSync(unfinished, join(inside, name));
      } catch (error) {
        unlinkSync(unfinished);
        throw error;
      } finally {
        closeSync(fd);
      }
      prune(inside);
    });
  });
}

/** Puts the seal before the data. */
function sealed(data: Buffer): Uint8Array {
  const content = new Uint8Array(4 * SEAL + data.length);
  content.set(data, 4 * SEAL);
  const words = new Int32Array(content.buffer, 0, content.length >> 2);
  let sum = content.length;
  for (let i = SEAL; i < words.length; i += STRIDE) sum = (Math.imul(sum, 31) + (words[i] ?? 0)) | 0;
  words[0] = sum;
  return content;
}

/** Makes the directory and what is missing above it, where the user is at home: `sudo` may leave another user's HOME. */
function makePrivate(directory: string): void {
  const base = dirname(directory);
  if (statSync(base, { throwIfNoEntry: false }) === undefined) {
    mustBeOurs(dirname(base));
    mkdirSync(base, 0o700);
  }
  mustBeOurs(base);
  if (statSync(directory, { throwIfNoEntry: false }) === undefined) mkdirSync(directory, 0o700);
}

function mustBeOurs(path: string): void {
  if (statSync(path).uid !== process.geteuid?.()) throw new Error(`${path} belongs to another user`);
}

/** Calls `use` with a path to the directory that stays its own if the name is given to another; throws where others may enter. */
function inPrivate<T>(directory: string, use: (inside: string) => T): T {
  const fd = openSync(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const { uid, mode } = fstatSync(fd);
    if (uid !== process.geteuid?.() || (mode & OTHERS_ANY) !== 0) throw new Error(`${directory} is open to others`);
    return use(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function prune(directory: string): void {
  const names: string[] = [];
  const dir = opendirSync(directory);
  for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) names.push(entry.name);
  dir.closeSync();
  const files = names.map((name) => ({ path: join(directory, name), age: -statSync(join(directory, name)).mtimeMs }));
  for (const { path } of files.sort((a, b) => a.age - b.age).slice(KEPT)) unlinkSync(path);
}

/** A cache is never worth a failure. */
function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}
