import type { Duplex } from 'node:stream';
import { LabError } from './error';
import { readJsonLines, writeJsonLine } from './json-lines';

interface Reply {
  id?: number;
  return?: unknown;
  error?: { class: string; desc: string };
}

/** QEMU's control channel: https://www.qemu.org/docs/master/interop/qmp-spec.html */
export class Qmp {
  readonly #stream: Duplex;
  readonly #pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #gone: Error | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    // The greeting and events have no id, and nobody waits for them.
    readJsonLines<Reply>(stream, (reply) => reply.id !== undefined && this.#settle(reply.id, reply));
  }

  execute(command: string, args: object = {}): Promise<unknown> {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      writeJsonLine(this.#stream, { execute: command, arguments: args, id });
    });
  }

  /** Ends every call that still waits, and any later one: QEMU has gone. */
  fail(error: Error): void {
    this.#gone = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #settle(id: number, reply: Reply): void {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (reply.error) call?.reject(new LabError(`QMP: ${reply.error.desc} (${reply.error.class})`));
    else call?.resolve(reply.return);
  }
}
