import { getSystemErrorMap } from 'node:util';

/** An end of an answer: `OK`, `LATER`, an errno, or `?` and a message. */
export interface Answer {
  content: Buffer;
  status: string;
}

const NEWLINE = 0x0a;
/** A status has no more characters than this. */
const MAX_STATUS = 256;
const FIRST_SIZE = 16 * 1024;

/** Takes apart the output of the server script, in pieces as they come. Its memory is twice that of what is not taken yet. */
export class AnswerReader {
  readonly #end: Buffer;
  #buffer = Buffer.allocUnsafe(FIRST_SIZE);
  #start = 0;
  #length = 0;
  /** Everything before has been searched. */
  #searched = 0;

  /** @param mark the one of the script */
  constructor(mark: string) {
    this.#end = Buffer.from(`\n${mark} `);
  }

  /** Bytes that belong to no answer yet. */
  get waiting(): number {
    return this.#length - this.#start;
  }

  add(chunk: Buffer): void {
    if (this.#length + chunk.length > this.#buffer.length) this.#makeRoom(chunk.length);
    chunk.copy(this.#buffer, this.#length);
    this.#length += chunk.length;
  }

  /** Returns the next answer; null while it is not whole. */
  next(): Answer | null {
    const held = this.#buffer.subarray(0, this.#length);
    const end = held.indexOf(this.#end, Math.max(this.#start, this.#searched));
    if (end < 0) {
      this.#searched = Math.max(this.#start, this.#length - this.#end.length);
      return null;
    }
    this.#searched = end;
    const from = end + this.#end.length;
    const newline = held.subarray(0, from + MAX_STATUS).indexOf(NEWLINE, from);
    if (newline < 0 && this.#length < from + MAX_STATUS) return null;
    const stop = newline < 0 ? from + MAX_STATUS : newline;
    const answer = {
      content: Buffer.from(held.subarray(this.#start, end)),
      status: held.toString('latin1', from, stop),
    };
    this.#start = newline < 0 ? stop : stop + 1;
    this.#searched = this.#start;
    return answer;
  }

  #makeRoom(more: number): void {
    const { waiting } = this;
    const size = Math.max(FIRST_SIZE, 2 ** Math.ceil(Math.log2(waiting + more)));
    const next = size > this.#buffer.length ? Buffer.allocUnsafe(size) : this.#buffer;
    this.#buffer.copy(next, 0, this.#start, this.#length);
    this.#searched = Math.max(0, this.#searched - this.#start);
    this.#buffer = next;
    this.#start = 0;
    this.#length = waiting;
  }
}

/** Messages of tools on hosts with another C library than the usual one, or of another kernel: musl's. */
const OTHER_MESSAGES: ReadonlyMap<string, string> = new Map([
  ['i/o error', 'EIO'],
  ['input/output error', 'EIO'],
  ['no such device', 'ENODEV'],
  ['no such device or address', 'ENXIO'],
  ['no such file or directory', 'ENOENT'],
  ['no data available', 'ENODATA'],
  ['operation not supported', 'EOPNOTSUPP'],
  ['remote i/o error', 'EREMOTEIO'],
]);

let byMessage: ReadonlyMap<string, string> | undefined;

/** Returns the errno of a status that is none of a success; EIO for what is not known. */
export function errnoOf(status: string): string {
  if (/^E[A-Z0-9]{2,15}$/.test(status)) return status;
  byMessage ??= new Map([
    ...[...getSystemErrorMap().values()].map(([code, message]) => [message.toLowerCase(), code] as const),
    ...OTHER_MESSAGES,
  ]);
  return byMessage.get(status.replace(/^\? /, '').trim().toLowerCase()) ?? 'EIO';
}
