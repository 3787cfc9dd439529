import { SysError } from '../errors';
import type { Access, Permissions, SysTree } from '../sys/sys';
import { READ_LIMIT } from '../sys/sys';
import { type Answer, errnoOf } from './answers';

/** A question of the server script: its letter, a blank, and a path. */
export type Question = `${'T' | 'F' | 'D' | 'A' | 'P' | 'L'} ${string}`;

/** Files below /sys that are not text: the kernel's binary attributes (struct bin_attribute), and properties of device trees. */
const BINARY = /\/(?:config|[a-z_]*descriptors?|vpd|rom|resource\d+(?:_wc)?)$|\/of_node\/|^\/sys\/firmware\//;

/**
 * The tree of another host, as far as its answers are there. Reading what is not known yet fails, and becomes a question:
 * a reading is run again and again until it asks nothing new, and then it is one of a machine like any other.
 */
export class RemoteTree implements SysTree {
  readonly #known = new Map<Question, Answer>();
  readonly #open = new Set<Question>();

  /** The questions since the last {@link begin}. */
  get questions(): readonly Question[] {
    return [...this.#open];
  }

  /** Tells whether something was read that is not known: all that comes of it is void. */
  get isIncomplete(): boolean {
    return this.#open.size > 0;
  }

  /** Forgets the questions, before a reading. */
  begin(): void {
    this.#open.clear();
  }

  learn(question: Question, answer: Answer): void {
    this.#known.set(question, answer);
  }

  readFile(path: string, limit = READ_LIMIT): Buffer {
    const isText = path.startsWith('/sys/') && !BINARY.test(path);
    const { content } = this.#ask('open', `${isText ? 'T' : 'F'} ${path}`, path);
    if (content.length > limit) throw new SysError('read', 'EFBIG', path);
    return Buffer.from(content);
  }

  readDir(path: string): string[] {
    // The processes of another host are nobody's business.
    if (path === '/proc') throw new SysError('opendir', 'ENODATA', path);
    return this.#ask('opendir', `D ${path}`, path)
      .content.toString('utf8')
      .split('/\n')
      .filter((name) => name !== '' && !name.includes('/'));
  }

  readLink(path: string): string {
    // Taken for a link, and not for a directory, what lies behind it would be asked for one step later.
    return this.#ask('readlink', `L ${path}`, path, 'EINVAL').content.toString('utf8');
  }

  access(path: string): Access | null {
    const status = this.#find(`A ${path}`)?.status;
    return status === 'rw' || status === 'r' || status === 'none' ? status : null;
  }

  permissions(path: string): Permissions | null {
    const answer = this.#find(`P ${path}`);
    const [, mode = '', uid, gid] = /^.([-rwxsStT]{9})\S*\s+\d+\s+(\d+)\s+(\d+)\s/.exec(`${answer?.content}`) ?? [];
    return mode === '' ? null : { mode: modeOf(mode), uid: Number(uid), gid: Number(gid) };
  }

  /** @param unknown the errno for what is not known yet */
  #ask(syscall: string, question: Question, path: string, unknown = 'ENODATA'): Answer {
    const answer = this.#find(question);
    if (answer === undefined) throw new SysError(syscall, unknown, path);
    if (answer.status !== 'OK') throw new SysError(syscall, errnoOf(answer.status), path);
    return answer;
  }

  #find(question: Question): Answer | undefined {
    // Not to be asked for in one line, and nothing that udrv knows of has such a name.
    if (question.includes('\n') || question.includes('\0')) return { content: Buffer.alloc(0), status: 'ENOENT' };
    const answer = this.#known.get(question);
    if (answer === undefined) this.#open.add(question);
    return answer;
  }
}

/** @param text as `ls` shows it: `rw-rw----`; the letters of set-user-ID, set-group-ID and sticky stand for `x` too */
function modeOf(text: string): number {
  return [...text].reduce((mode, letter) => (mode << 1) | (/[-ST]/.test(letter) ? 0 : 1), 0);
}

/**
 * Finds the paths that were asked for in lines of `ls -ln`, where they stand last, or before the target of a link:
 * `lrwxrwxrwx 1 0 0 0 Nov 29 19:33 /sys/a -> ../b`.
 *
 * @returns for each path its line, and the target
 */
export function listedBy(lines: string, paths: readonly string[]): Map<string, { line: string; target: string }> {
  const asked = new Set(paths);
  const found = new Map<string, { line: string; target: string }>();
  for (const line of lines.split('\n')) {
    const start = line.indexOf(' /') + 1;
    if (start === 0) continue;
    for (let arrow = line.indexOf(ARROW, start); ; arrow = line.indexOf(ARROW, arrow + 1)) {
      const path = line.slice(start, arrow < 0 ? undefined : arrow);
      if (asked.has(path)) found.set(path, { line, target: arrow < 0 ? '' : line.slice(arrow + ARROW.length) });
      if (arrow < 0 || asked.has(path)) break;
    }
  }
  return found;
}

const ARROW = ' -> ';
