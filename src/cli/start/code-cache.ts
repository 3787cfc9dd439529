import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { firstAbsolute, userDirectory } from '../program/user-directory';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** Far more than V8 makes of the start file, which is some 200 KiB. */
const MAX_SIZE = 8 * 1024 * 1024;

/** Files that stay when one is written, two for each version of udrv and Node. */
const KEPT = 16;

/** Bytes of a cache's digest, which is at its end. */
const DIGEST = 4;

const OTHERS_WRITE = 0o022;
const OTHERS_ANY = 0o077;

/**
 * Returns the directory for code caches, null where there is none to be had: no home, or the user does not want one.
 * Nothing is checked or made yet.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv): string | null {
  if (env['NODE_DISABLE_COMPILE_CACHE']) return null;
  const base = firstAbsolute(env['NODE_COMPILE_CACHE'], userDirectory(env['XDG_CACHE_HOME'], env['HOME'], '.cache'));
  return base === null ? null : join(base, 'udrv');
}

/**
 * Reads a code cache that nobody but this user can have written; undefined for any other, and for one that is damaged.
 * V8 runs what it is given: it checks version, flags and length of a cache, and neither origin nor content.
 */
export function readCache(directory: string, name: string): Buffer | undefined {
  return attempt(() =>
    inPrivate(directory, (inside) => {
      const fd = openSync(join(inside, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const { size, uid, mode, nlink } = fstatSync(fd);
        const isOurs = uid === process.geteuid?.() && (mode & OTHERS_WRITE) === 0 && nlink === 1;
        if ((mode & constants.S_IFMT) !== constants.S_IFREG || !isOurs || size > MAX_SIZE) return undefined;
        const content = Buffer.allocUnsafeSlow(size);
        return readSync(fd, content, 0, size, 0) === size ? openSealed(content) : undefined;
      } finally {
        closeSync(fd);
      }
    }),
  );
}

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
        const content = seal(make());
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

/** Appends a digest of the data. */
function seal(data: Buffer): Buffer {
  const content = Buffer.allocUnsafeSlow(data.length + DIGEST);
  data.copy(content);
  content.writeInt32LE(digest(content), data.length);
  return content;
}

/** Returns the data of {@link seal}; undefined for any other content. */
function openSealed(content: Buffer): Buffer | undefined {
  const length = content.length - DIGEST;
  return length > 0 && content.readInt32LE(length) === digest(content) ? content.subarray(0, length) : undefined;
}

/**
 * Sums up one word of each 4 KiB. A crash of the machine loses whole pages of a file that was just written, and each page
 * has a word in the sum; more words would take too long at each start.
 *
 * @param content at the start of its ArrayBuffer, and with the place of the digest, which does not count
 */
function digest({ buffer, length }: Buffer): number {
  const words = new Int32Array(buffer, 0, (length - DIGEST) >> 2);
  let sum = length;
  for (let i = 0; i < words.length; i += 1024) sum = (Math.imul(sum, 31) + (words[i] ?? 0)) | 0;
  return sum;
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
