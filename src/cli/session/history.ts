import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { userDirectory } from '../program/user-directory';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDWR, O_TRUNC } = constants;

/** Lines that are kept. */
const KEPT = 1000;

/** Returns the file for the lines of the shell: in XDG_STATE_HOME, or ~/.local/state; null where there is no home. */
export function historyPath(env: NodeJS.ProcessEnv): string | null {
  const base = userDirectory(env['XDG_STATE_HOME'], env['HOME'], '.local/state');
  return base === null ? null : join(base, 'udrv/history');
}

/**
 * Lines that were typed, kept in a file for this user alone. A history that cannot be read or written is none, and no
 * reason to stop.
 */
export class History {
  readonly #path: string | null;
  /** The last lines, the oldest first. */
  readonly lines: readonly string[];

  constructor(path: string | null) {
    this.#path = path;
    this.lines = path === null ? [] : (attempt(() => load(path)) ?? []);
  }

  add(line: string): void {
    const path = this.#path;
    if (path !== null && line.trim() !== '' && line !== this.lines.at(-1))
      attempt(() => withFile(path, O_APPEND, (fd) => appendFileSync(fd, `${line}\n`)));
  }
}

function load(path: string): string[] {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const all = withFile(path, 0, (fd) =>
    readFileSync(fd, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  );
  const kept = all.slice(-KEPT);
  // Several shells may add to it at once: it is cut where it is much too long only.
  if (all.length > 2 * KEPT) withFile(path, O_TRUNC, (fd) => writeSync(fd, kept.map((line) => `${line}\n`).join('')));
  return kept;
}

function withFile<T>(path: string, flags: number, work: (fd: number) => T): T {
  const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | flags, 0o600);
  try {
    if ((fstatSync(fd).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}
