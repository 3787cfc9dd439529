import type { Duplex } from 'node:stream';
import { LabError } from './error';
import { type AgentPort, GuestProcess, type OutputName } from './guest-process';
import { readJsonLines, writeJsonLine } from './json-lines';

/** The guest's message when it is up. */
export interface Ready {
  /** The kernel's, as `uname -r` has it. */
  readonly release: string;
  /** The errors of the guest when it set its devices up; empty if there were none. */
  readonly log: string;
}

export interface Spawn {
  /** `udrv`: in a process that is there already, see warm.cjs; `evaluate`: see `Lab`. `command` is a list then. */
  readonly op?: 'spawn' | 'udrv' | 'evaluate';
  /** A string goes to bash; a list is run as it is. */
  readonly command: string | readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** User and group; not given: root. */
  readonly uid?: number;
}

export type Message =
  | ({ op: 'ready' } & Ready)
  | { op: 'stdout'; id: number; data: string }
  | { op: 'stderr'; id: number; data: string }
  | { op: 'exit'; id: number; code: number | null; signal: NodeJS.Signals | null }
  | { op: 'failed'; id: number; code?: string; message: string };

/** What is asked for a process that runs. */
export type ProcessRequest =
  | { id: number; op: 'stdin'; data: string }
  | { id: number; op: 'closeStdin' }
  | { id: number; op: 'kill'; signal: NodeJS.Signals }
  | { id: number; op: 'explain' };

/** The host's end of agent.cjs, or of another that speaks as it does. `Wanted` is what that takes to start a process. */
export class Agent<Wanted extends Pick<Spawn, 'command'> = Spawn> {
  readonly ready: Promise<Ready>;
  readonly #stream: Duplex;
  readonly #processes = new Map<number, GuestProcess>();
  #lastId = 0;
  #gone: Error | undefined;

  constructor(stream: Duplex) {
    this.#stream = stream;
    this.ready = new Promise((resolve) => {
      readJsonLines<Message>(stream, (message) => {
        if (message.op === 'ready') resolve(message);
        else this.#dispatch(message);
      });
    });
  }

  spawn(spawn: Wanted, onOutput?: (name: OutputName, chunk: Buffer) => void): GuestProcess {
    const id = ++this.#lastId;
    const send = (message: object) => this.#gone ?? writeJsonLine(this.#stream, { id, ...message });
    const port: AgentPort = {
      stdin: (data) => send({ op: 'stdin', data: data.toString('base64') }),
      closeStdin: () => send({ op: 'closeStdin' }),
      kill: (signal) => send({ op: 'kill', signal }),
      explain: () => send({ op: 'explain' }),
    };
    const title = typeof spawn.command === 'string' ? spawn.command : spawn.command.join(' ');
    const process = new GuestProcess(title, port, onOutput);
    if (this.#gone) {
      process.fail(this.#gone);
    } else {
      this.#processes.set(id, process);
      send({ op: 'spawn', ...spawn });
    }
    return process;
  }

  /** Ends every process as far as the host is concerned: the guest has gone. */
  fail(error: Error): void {
    this.#gone = error;
    for (const process of this.#processes.values()) process.fail(error);
    this.#processes.clear();
  }

  #dispatch(message: Exclude<Message, { op: 'ready' }>): void {
    const process = this.#processes.get(message.id);
    if (message.op === 'stdout' || message.op === 'stderr') {
      process?.push(message.op, Buffer.from(message.data, 'base64'));
      return;
    }
    this.#processes.delete(message.id);
    if (message.op === 'exit') process?.end({ code: message.code, signal: message.signal });
    else process?.fail(new LabError(message.message));
  }
}
