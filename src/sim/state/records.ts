import type { StateStore } from '../../sys/state';
import type { Saved, StateReader } from './saved';

const MOST = 256;
const LONGEST = 4096;

/** The texts that udrv keeps about a machine, `restore`'s memory: in the state of the machine itself. */
export class Records implements StateStore {
  readonly #texts = new Map<string, string>();
  readonly #lock: () => void;

  /** @param lock keeps other processes out until the end of this one's work */
  constructor(lock: () => void) {
    this.#lock = lock;
  }

  names(): string[] {
    return [...this.#texts.keys()];
  }

  read(name: string): string | null {
    return this.#texts.get(name) ?? null;
  }

  write(name: string, text: string): void {
    this.#lock();
    this.#texts.set(name, text);
  }

  remove(name: string): void {
    this.#lock();
    this.#texts.delete(name);
  }

  lock(): Disposable {
    this.#lock();
    return { [Symbol.dispose]() {} };
  }

  save(): Saved {
    return Object.fromEntries(this.#texts);
  }

  restore(state: StateReader): void {
    this.#texts.clear();
    for (const [name, text] of state.entries(MOST)) this.#texts.set(name, text.text(LONGEST));
  }
}
