import { isUtf8 } from 'node:buffer';
import { errnoNumber, type UdrvError, usageError } from '../../errors';
import { hexDigits } from '../../text/hex';
import type { Access, Permissions } from '../sys';

/**
 * The text form of a recorded machine, one entry a line, sorted by path:
 *
 *     # udrv snapshot 1
 *     /dev/uio0 @ rw                              a device node, and what the recording user may do with it
 *     /dev/uio1 @ none 0660 0:46                  the same, and its mode, owner and group
 *     /sys/class/uio/uio0 -> ../../devices/...    a symbolic link
 *     /sys/devices/x/config : 86800c15            a file of these bytes; none at all is an empty file
 *     /sys/devices/x/power /                      a directory with nothing recorded in it
 *     /sys/devices/x/serial ! EACCES              there, but unreadable
 *     /sys/devices/x/vendor = 0x8086              a file of this text and a newline
 *     # end 6
 *
 * Backslash escapes (`\n`, `\t`, `\\`, `\xNN` for any byte) stand for what cannot be seen in text; a path has its
 * spaces escaped too. Other lines that start with `#`, and blank ones, are comments. The number in the last line
 * is that of the entries: a file that was cut short shows.
 */

/** The entry at one path of a recorded machine. */
export type ManifestEntry =
  | { path: string; kind: 'file'; content: Buffer }
  | { path: string; kind: 'link'; target: string }
  | { path: string; kind: 'node'; access: Access; permissions?: Permissions | undefined }
  | { path: string; kind: 'error'; code: string }
  | { path: string; kind: 'dir' };

export interface ManifestLimits {
  /** Bytes of the whole text. */
  file: number;
  /** Bytes of one file's content. */
  content: number;
  /** Entries, and the directories above them that have no line of their own. */
  entries: number;
}

export const MANIFEST_LIMITS: Readonly<ManifestLimits> = {
  file: 256 * 1024 * 1024,
  content: 1024 * 1024,
  entries: 1024 * 1024,
};

const HEADER = '# udrv snapshot 1';
const NEWLINE = 0x0a;
const BACKSLASH = 0x5c;
const LETTER_X = 0x78;
/** The byte after the backslash, and the one that both stand for. */
const SIMPLE_ESCAPES: ReadonlyMap<number, number> = new Map([
  [0x6e, NEWLINE],
  [0x74, 0x09],
  [BACKSLASH, BACKSLASH],
]);

/** PATH_MAX without the NUL. */
const MAX_PATH = 4095;

/** The only places that udrv reads; nothing else of a machine is recorded or believed. */
const ROOTS = ['/sys', '/proc', '/dev', '/usr/share', '/var/lib', '/etc', '/run'];

/** The most characters that one byte takes. */
const ESCAPED = 4;

const ACCESSES: ReadonlySet<string> = new Set<Access>(['rw', 'r', 'none']);
/** The errnos that reading a machine usually meets. The whole list costs start-up time. */
const USUAL_ERRNOS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EIO', 'EINVAL', 'ENODATA', 'ENODEV', 'ENXIO']);
/** Made when one is met. */
let moreErrnos: ReadonlySet<string> | undefined;

/** Returns the reason why a path cannot stand in a manifest, null where it can. */
export function pathProblem(path: string): string | null {
  // The length first: the expression below is for paths, not for whole files.
  if (Buffer.byteLength(path) > MAX_PATH) return `longer than ${MAX_PATH} bytes`;
  if (!path.startsWith('/')) return 'not an absolute path';
  if (path.includes('\0')) return 'has a NUL byte';
  if (/\/(\.{0,2})(\/|$)/.test(path)) return 'has an empty, `.` or `..` component';
  if (!ROOTS.some((root) => path === root || path.startsWith(`${root}/`))) return `not below ${ROOTS.join(', ')}`;
  return null;
}

/** Whether a manifest can name this errno. */
export function isErrno(code: string): boolean {
  if (USUAL_ERRNOS.has(code) || errnoNumber(code) !== undefined) return true;
  moreErrnos ??= errnosBeyondConstants();
  return moreErrnos.has(code);
}

/** Names that Node's constants lack (EREMOTEIO, ESHUTDOWN), without those that are no errno (EAI_AGAIN). */
function errnosBeyondConstants(): Set<string> {
  const { getSystemErrorMap } = require('node:util') as typeof import('node:util');
  return new Set([...getSystemErrorMap().values()].map(([code]) => code).filter((code) => /^E[A-Z0-9]+$/.test(code)));
}

/**
 * Writes a manifest that {@link parseManifest} reads as the same entries, in the order of their paths.
 *
 * @throws RangeError for entries that no manifest can hold; the caller's mistake
 */
export function formatManifest(entries: Iterable<ManifestEntry>): string {
  const sorted = [...entries].sort((a, b) => compare(a.path, b.path));
  const lines = [HEADER];
  for (const entry of sorted) {
    const problem = pathProblem(entry.path) ?? valueProblem(entry);
    if (problem !== null) throw new RangeError(`${escapeText(entry.path)}: ${problem}`);
    lines.push(`${escapeText(entry.path).replaceAll(' ', '\\x20')} ${formatValue(entry)}`);
  }
  lines.push(`# end ${sorted.length}`, '');
  return lines.join('\n');
}

function valueProblem(entry: ManifestEntry): string | null {
  switch (entry.kind) {
    case 'file':
      return entry.content.length > MANIFEST_LIMITS.content ? `${entry.content.length} bytes are too many` : null;
    case 'link':
      return targetProblem(entry.target);
    case 'error':
      return isErrno(entry.code) ? null : `${entry.code} is no errno`;
    default:
      return null;
  }
}

function targetProblem(target: string): string | null {
  if (target === '') return 'a link without a target';
  if (target.includes('\0')) return 'a link target with a NUL byte';
  return Buffer.byteLength(target) > MAX_PATH ? `a link target longer than ${MAX_PATH} bytes` : null;
}

function formatValue(entry: ManifestEntry): string {
  switch (entry.kind) {
    case 'file': {
      const { content } = entry;
      const text = content.at(-1) === NEWLINE && !content.includes(0);
      const value = text ? escapeContent(content.subarray(0, -1)) : content.toString('hex');
      // No blank at the end of a line: mail programs and editors remove it.
      return `${text ? '=' : ':'}${value && ' '}${value}`;
    }
    case 'link':
      return `-> ${keepLastBlank(escapeText(entry.target))}`;
    case 'node':
      return `@ ${entry.access}${permissionsText(entry.permissions)}`;
    case 'error':
      return `! ${entry.code}`;
    case 'dir':
      return '/';
  }
}

function permissionsText(permissions: Permissions | undefined): string {
  if (permissions === undefined) return '';
  const { mode, uid, gid } = permissions;
  return ` 0${mode.toString(8).padStart(3, '0')} ${uid}:${gid}`;
}

function escapeContent(content: Buffer): string {
  if (isUtf8(content)) return keepLastBlank(escapeText(content.toString('utf8')));
  return keepLastBlank(content.toString('latin1').replace(/[\\\x00-\x1f\x7f-\xff]/g, escapeChar));
}

/** Escapes the characters that cannot be seen or that change how the text around them is shown, and the backslash. */
function escapeText(text: string): string {
  if (/^[\x20-\x5b\x5d-\x7e]*$/.test(text)) return text;
  return text.replace(/[\\\p{C}\p{Zl}\p{Zp}]/gu, (char) =>
    Buffer.from(char).toString('latin1').replace(/./gs, escapeChar),
  );
}

/** @param char stands for the byte of its code */
function escapeChar(char: string): string {
  if (char === '\n') return '\\n';
  if (char === '\t') return '\\t';
  if (char === '\\') return '\\\\';
  return `\\x${hexDigits(char.charCodeAt(0), 2)}`;
}

function keepLastBlank(text: string): string {
  return text.endsWith(' ') ? `${text.slice(0, -1)}\\x20` : text;
}

/**
 * Reads a manifest, which may be anything: it came from someone else. Time and memory are bounded by the length of
 * what is there.
 *
 * @param name of the file, for messages
 * @returns the entries sorted by path, each path once, nothing below what cannot have anything below it. Below an
 *   `error` there may be entries: a directory that cannot be listed.
 * @throws UdrvError, exit 2, with file, line and what is wrong
 */
export function parseManifest(data: Buffer, name: string, limits: ManifestLimits = MANIFEST_LIMITS): ManifestEntry[] {
  const parser = new Parser(name, limits);
  parser.parse(data);
  return parser.entries;
}

class Parser {
  entries: ManifestEntry[] = [];
  /** The line of each entry. */
  #lines: number[] = [];
  #line = 1;
  #sorted = true;
  /** No line has a character that would have to be escaped, or is beyond ASCII. */
  #plain = false;
  readonly #name: string;
  readonly #limits: ManifestLimits;
  readonly #maxLine: number;

  constructor(name: string, limits: ManifestLimits) {
    this.#name = name;
    this.#limits = limits;
    this.#maxLine = ESCAPED * (MAX_PATH + limits.content) + ' -> '.length;
  }

  parse(data: Buffer): void {
    if (data.length > this.#limits.file) throw this.#error(`the file is larger than ${this.#limits.file} bytes`);
    // One character for each byte: paths and values are bytes until their escapes are gone.
    const text = data.toString('latin1');
    this.#checkWhole(data, text);
    let ended = false;
    let start = 0;
    while (start < text.length) {
      if (ended) throw this.#error('there is text after the end marker');
      const end = text.indexOf('\n', start);
      if (end < 0) throw this.#error('the file is cut short: its last line does not end');
      if (end - start > this.#maxLine) throw this.#error(`the line is longer than ${this.#maxLine} bytes`);
      ended = this.#parseLine(text.slice(start, end));
      start = end + 1;
      this.#line++;
    }
    this.#line--;
    if (!ended) throw this.#error('the file is cut short: there is no end marker');
    if (!this.#sorted) this.#sort();
    this.#checkTree();
  }

  #checkWhole(data: Buffer, text: string): void {
    const first = text.slice(0, HEADER.length + 1);
    if (first === `${HEADER}\r`) throw this.#error('the lines end in carriage returns; udrv writes newlines alone');
    if (first !== `${HEADER}\n`) throw this.#error(`not a snapshot: the first line must be \`${HEADER}\``);
    this.#plain = !/[^\n\x20-\x7e]/.test(text);
    if (this.#plain || isUtf8(data)) return;
    // Only to find the line, so that slow is good enough.
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0 && isUtf8(data.subarray(start, end)); this.#line++) {
      start = end + 1;
      end = data.indexOf(NEWLINE, start);
    }
    throw this.#error('the text is not UTF-8; other bytes are written as `\\xNN`');
  }

  /** @returns whether this was the end marker */
  #parseLine(line: string): boolean {
    if (line.startsWith('#')) {
      const end = /^# end (\d{1,15})$/.exec(line);
      if (end === null) return false;
      if (Number(end[1]) !== this.entries.length)
        throw this.#error(`the file is not whole: ${this.entries.length} entries, and the end marker says ${end[1]}`);
      return true;
    }
    if (this.entries.length >= this.#limits.entries)
      throw this.#error(`the file has more than ${this.#limits.entries} entries`);
    const entry = this.#parsePlain(line) ?? this.#parseEntry(line);
    if (entry === null) return false;
    const previous = this.entries.at(-1);
    if (previous !== undefined && compare(previous.path, entry.path) > 0) this.#sorted = false;
    this.entries.push(entry);
    this.#lines.push(this.#line);
    return false;
  }

  /**
   * Nearly every line: what is short and needs no second look. Plain string searches, because expressions that say the
   * same take most of the time of starting. Null: look closely.
   */
  #parsePlain(line: string): ManifestEntry | null {
    if (!this.#plain || line.length > MAX_PATH) return null;
    if (!line.startsWith('/sys/') && !line.startsWith('/dev/')) return null;
    const afterPath = line.indexOf(' ');
    const value = line.indexOf(' ', afterPath + 1) + 1;
    if (afterPath < 0 || value === 0 || value === line.length) return null;
    const path = line.slice(0, afterPath);
    if (path.includes('//') || path.includes('/.') || path.endsWith('/') || path.includes('\\')) return null;
    return this.#plainValue(path, line.slice(afterPath + 1, value - 1), line.slice(value));
  }

  #plainValue(path: string, operator: string, value: string): ManifestEntry | null {
    if (operator === '=') {
      // The escape of what has several lines, as `resource` has.
      const text = value.includes('\\') ? value.replaceAll('\\n', '\n') : value;
      if (text.includes('\\')) return null;
      return { path, kind: 'file', content: this.#content(Buffer.from(`${text}\n`, 'latin1')) };
    }
    if (value.includes('\\')) return null;
    if (operator === '->') return { path, kind: 'link', target: value };
    if (operator === '@' && ACCESSES.has(value)) return { path, kind: 'node', access: value as Access };
    if (operator === '!' && isErrno(value)) return { path, kind: 'error', code: value };
    if (operator !== ':') return null;
    // It ends before what is no digit.
    const content = Buffer.from(value, 'hex');
    return 2 * content.length === value.length ? { path, kind: 'file', content: this.#content(content) } : null;
  }

  /** Null for a blank line. */
  #parseEntry(line: string): ManifestEntry | null {
    if (/^ *$/.test(line)) return null;
    const control = /[\x00-\x1f\x7f]/.exec(line);
    if (control !== null)
      throw this.#error(`a control character, which must be written as \`${escapeHex(control[0])}\``);
    const [rawPath = '', operator, value] = splitLine(line);
    const path = this.#text(rawPath, 'the path');
    const problem = pathProblem(path);
    if (problem !== null) throw this.#error(`the path ${quote(path)}: ${problem}`);
    return this.#parseValue(path, operator, value);
  }

  #parseValue(path: string, operator: string, value: string): ManifestEntry {
    switch (operator) {
      case '=':
        return { path, kind: 'file', content: this.#content(this.#unescape(`${value}\n`)) };
      case ':':
        if (value.length % 2 !== 0 || /[^0-9a-fA-F]/.test(value))
          throw this.#error('after `:` there must be pairs of hex digits and nothing else');
        return { path, kind: 'file', content: this.#content(Buffer.from(value, 'hex')) };
      case '->': {
        const target = this.#text(value, 'the link target');
        const problem = targetProblem(target);
        if (problem !== null) throw this.#error(problem);
        return { path, kind: 'link', target };
      }
      case '@': {
        const [, access = '', mode, uid, gid] = /^(\w+)(?: (0[0-7]{3}) (\d{1,10}):(\d{1,10}))?$/.exec(value) ?? [];
        if (!ACCESSES.has(access))
          throw this.#error(
            'after `@` there must be `rw`, `r` or `none`, and there may be mode and owner: `0660 0:46`',
          );
        const permissions =
          mode === undefined ? undefined : { mode: Number.parseInt(mode, 8), uid: Number(uid), gid: Number(gid) };
        return { path, kind: 'node', access: access as Access, ...(permissions && { permissions }) };
      }
      case '!':
        if (!isErrno(value)) throw this.#error(`${quote(value)} is not the name of an errno`);
        return { path, kind: 'error', code: value };
      case '/':
        if (value !== '') throw this.#error('there is text after `/`');
        return { path, kind: 'dir' };
      default:
        throw this.#error('after the path there must be one of = : -> @ ! / and a blank on either side');
    }
  }

  #content(content: Buffer): Buffer {
    if (content.length <= this.#limits.content) return content;
    throw this.#error(`the content has ${content.length} bytes, more than ${this.#limits.content}`);
  }

  /** Escaped bytes as text. */
  #text(raw: string, what: string): string {
    if (/^[\x20-\x5b\x5d-\x7e]*$/.test(raw)) return raw;
    const bytes = this.#unescape(raw);
    if (!isUtf8(bytes)) throw this.#error(`${what} is not UTF-8`);
    return bytes.toString('utf8');
  }

  #unescape(raw: string): Buffer {
    const bytes = Buffer.from(raw, 'latin1');
    let length = bytes.indexOf(BACKSLASH);
    if (length < 0) return bytes;
    for (let at = length; at < bytes.length; length++) {
      if (bytes[at] !== BACKSLASH) {
        bytes[length] = bytes[at++] ?? 0;
        continue;
      }
      const simple = SIMPLE_ESCAPES.get(bytes[at + 1] ?? 0);
      const digits = bytes[at + 1] === LETTER_X ? hexDigit(bytes[at + 2]) * 16 + hexDigit(bytes[at + 3]) : -1;
      if (simple === undefined && digits < 0) {
        const wrong = raw.slice(at, at + (raw[at + 1] === 'x' ? ESCAPED : 2));
        throw this.#error(`${quote(wrong)} is not an escape: there are \\n, \\t, \\\\ and \\xNN`);
      }
      bytes[length] = simple ?? digits;
      at += simple === undefined ? ESCAPED : 2;
    }
    return bytes.subarray(0, length);
  }

  #sort(): void {
    const order = this.entries.map((entry, index) => ({ entry, line: this.#lines[index] ?? 0 }));
    order.sort((a, b) => compare(a.entry.path, b.entry.path) || a.line - b.line);
    this.entries = order.map(({ entry }) => entry);
    this.#lines = order.map(({ line }) => line);
  }

  /** In the order of the paths all that begins with a path comes right after it. */
  #checkTree(): void {
    /** Entries that nothing can be below, and their lines. */
    const leaves = new Map<string, number>();
    let directories = 0;
    let previous = '';
    for (let index = 0; index < this.entries.length; index++) {
      const { path, kind } = this.entries[index] as ManifestEntry;
      const line = this.#lines[index] ?? 0;
      if (path === previous) {
        this.#line = line;
        throw this.#error(`the path ${quote(path)} is listed twice, first in line ${this.#lines[index - 1]}`);
      }
      // The directories above that are not above the previous entry too: a leaf comes before what is below it, so that
      // one look for each directory is enough. The previous entry itself counts again.
      for (
        let slash = path.lastIndexOf('/');
        slash > 0 && !previous.startsWith(path.slice(0, slash + 1));
        slash = path.lastIndexOf('/', slash - 1)
      ) {
        directories++;
        const leaf = leaves.get(path.slice(0, slash));
        if (leaf === undefined) continue;
        this.#line = line;
        throw this.#error(
          `${quote(path)} is below ${quote(path.slice(0, slash))}, which is not a directory in line ${leaf}`,
        );
      }
      if (kind !== 'dir' && kind !== 'error') leaves.set(path, line);
      if (this.entries.length + directories > this.#limits.entries) {
        this.#line = line;
        throw this.#error(`the file has more than ${this.#limits.entries} entries and directories`);
      }
      previous = path;
    }
  }

  #error(message: string): UdrvError {
    return usageError(`${this.#name}:${this.#line}`, message);
  }
}

/** Path, operator and value, divided by one blank each; what is not there is empty. */
function splitLine(line: string): [string, string, string] {
  const path = line.indexOf(' ');
  if (path < 0) return [line, '', ''];
  const operator = line.indexOf(' ', path + 1);
  if (operator < 0) return [line.slice(0, path), line.slice(path + 1), ''];
  return [line.slice(0, path), line.slice(path + 1, operator), line.slice(operator + 1)];
}

/** By code unit, as the default sort does; `localeCompare` is neither stable across machines nor fast. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Text of the file in a message: short, and on one line. */
function quote(text: string): string {
  const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  return `\`${escapeText(shown)}\``;
}

function escapeHex(char: string): string {
  return `\\x${hexDigits(char.charCodeAt(0), 2)}`;
}

/** A digit's value; so far below zero that no other digit makes up for it where it is none. */
function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -256;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = (byte | 0x20) - 0x61;
  return letter >= 0 && letter < 6 ? letter + 10 : -256;
}
