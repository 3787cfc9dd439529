import { readFileSync } from 'node:fs';
import { SysError } from '../errors';
import type { StateStore } from './state';

/** A note in a {@link Journal}. */
export interface Note {
  /** Takes it out: all that it tells of has been given back. */
  drop(): void;
}

/** A note of a process that has ended without taking it out. */
export interface LeftNote extends Note {
  pid: number;
  /** The note itself. A file may hold anything. */
  what: unknown;
}

/** The processes of the machine, as far as a journal needs to know them. */
export interface Processes {
  readonly pid: number;
  /** Returns the time at which a process was started, in ticks since boot; null where there is none, or a zombie. */
  startOf(pid: number): string | null;
}

const NAME = /^(\d{1,10})\.\d+$/;

/** Notes of this process, in all of its journals. */
let kept = 0;

/**
 * Notes of what processes have taken for their own time and give back at their end: interfaces from their drivers, bus
 * mastering. A note is there before the taking, and gone after the giving back: those that a process leaves behind tell
 * the next one what to mend.
 */
export class Journal {
  readonly #store: StateStore;
  readonly #processes: Processes;
  readonly #onFailure: (error: SysError) => void;

  /** @param onFailure is told where a note cannot be kept: the work that it is about goes on all the same */
  constructor(store: StateStore, onFailure: (error: SysError) => void = () => {}, processes: Processes = REAL) {
    this.#store = store;
    this.#onFailure = onFailure;
    this.#processes = processes;
  }

  /** Keeps a note of this process. */
  keep(what: object): Note {
    const { pid } = this.#processes;
    const name = `${pid}.${kept++}`;
    try {
      this.#store.write(name, `${JSON.stringify({ start: this.#processes.startOf(pid), what })}\n`);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      this.#onFailure(error);
    }
    return { drop: () => this.#drop(name) };
  }

  /** Lists the notes of processes that have ended. */
  left(): LeftNote[] {
    return this.#store.names().flatMap((name) => {
      const pid = Number(NAME.exec(name)?.[1] ?? Number.NaN);
      if (Number.isNaN(pid)) return [];
      const note = parse(this.#store.read(name));
      if (note === null || this.#processes.startOf(pid) === note.start) return [];
      return [{ pid, what: note.what, drop: () => this.#drop(name) }];
    });
  }

  /** Keeps other processes from mending what is left until it is disposed of. @throws StateLocked */
  lock(): Disposable {
    return this.#store.lock();
  }

  #drop(name: string): void {
    try {
      this.#store.remove(name);
    } catch (error) {
      // It tells of something that is not so any more, and whoever looks sees that.
      if (!(error instanceof SysError)) throw error;
    }
  }
}

function parse(text: string | null): { start: unknown; what: unknown } | null {
  try {
    const note: unknown = JSON.parse(text ?? '');
    return typeof note === 'object' && note !== null && 'start' in note && 'what' in note
      ? { start: note.start, what: note.what }
      : null;
  } catch {
    return null;
  }
}

const REAL: Processes = {
  pid: process.pid,
  startOf(pid) {
    try {
      return startIn(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    } catch {
      return null;
    }
  },
};

/** Returns field 22 of /proc/PID/stat; null for a zombie, which has closed all that it had open. */
export function startIn(stat: string): string | null {
  // The name before, in parentheses, may have any of them.
  const [state = 'X', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? null : (fields[18] ?? null);
}
