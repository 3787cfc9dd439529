import { SysError, UdrvError, usageError } from '../../errors';
import type { StateStore } from '../../sys/state';
import type { Kernel } from '../kernel/kernel';
import type { Machine } from '../machine';
import { Records } from './records';
import { InvalidState, StateReader } from './saved';
import { StateFile } from './state-file';

const SCHEMA = 'udrv.sim/2';
/** The longest wait for another process, which has the machine for the time of a command. */
const PATIENCE_MS = 10_000;
/** The time between two looks for what other processes did, while somebody listens to the kernel. */
const LOOK_MS = 100;

/**
 * A machine whose state is in a file between the commands that work with it. Commands that only look read the file and
 * leave it; one that opens or writes anything has the machine for itself from then on, and takes it back at its end.
 */
export class RememberedMachine implements Disposable {
  readonly #kernel: Kernel;
  readonly #machine: Machine;
  readonly #file: StateFile;
  readonly #records = new Records(() => this.#use());
  /** The version of the file that the machine is like. */
  #version = '';
  #looking: NodeJS.Timeout | undefined;
  /** Set when the state of another process could not be taken over. */
  #failure: unknown;

  /**
   * @param machine a new one
   * @param path of the file, which is made where there is none
   * @throws UdrvError exit 2 where the file has no state of this machine
   */
  constructor(kernel: Kernel, machine: Machine, path: string) {
    this.#kernel = kernel;
    this.#machine = machine;
    this.#file = new StateFile(path);
    if (!this.#load()) this.#create();
    kernel.onUse = () => this.#use();
    kernel.uevents.onListen = () => {
      this.#looking ??= setInterval(() => this.#look(), LOOK_MS).unref();
    };
  }

  /** The bindings of functions before udrv changed them. */
  get bindings(): StateStore {
    return this.#records;
  }

  /** Closes what is open, as the end of a process does, and keeps the state. */
  [Symbol.dispose](): void {
    clearInterval(this.#looking);
    if (!this.#file.isLocked) return;
    try {
      this.#kernel.descriptors.closeAll();
      this.#save();
    } finally {
      this.#file.unlock();
    }
  }

  /** Has the machine for this process alone, as the last one left it. */
  #use(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#file.isLocked) return;
    this.#file.lock(PATIENCE_MS);
    try {
      if (this.#file.version() !== this.#version) this.#load();
    } catch (error) {
      this.#file.unlock();
      throw error;
    }
  }

  #look(): void {
    if (this.#file.isLocked || this.#failure !== undefined || this.#file.version() === this.#version) return;
    try {
      this.#load();
    } catch (error) {
      // There is nobody to be told here. The machine stays as it is.
      this.#failure = error;
    }
  }

  /** Makes the file, with the state of a machine that was just switched on. */
  #create(): void {
    this.#file.lock(PATIENCE_MS);
    try {
      // Another process may have made it meanwhile.
      if (!this.#load()) this.#save();
    } finally {
      this.#file.unlock();
    }
  }

  /** @returns false where the file is not there, or empty */
  #load(): boolean {
    // Before it is read: what is newer will be seen as new.
    this.#version = this.#file.version();
    const text = this.#file.read();
    if (text === '') return false;
    try {
      const state = new StateReader(parse(text));
      if (state.at('schema').text(64) !== SCHEMA) state.at('schema').fail(`is not ${SCHEMA}`);
      const elapsed = Math.max(0, Date.now() - state.at('keptAt').time());
      this.#machine.restore(state.at('machine'), elapsed);
      this.#records.restore(state.at('records'));
    } catch (error) {
      // Drivers refuse devices that cannot be theirs, each in its way.
      if (error instanceof UdrvError && !(error instanceof SysError)) throw error;
      const what = error instanceof InvalidState ? error.message : `its parts do not fit together: ${String(error)}`;
      throw usageError(
        this.#file.path,
        `holds no state of a simulated machine: ${what}`,
        'name another file, or remove this one to start with a new machine',
      );
    }
    return true;
  }

  #save(): void {
    const state = {
      schema: SCHEMA,
      keptAt: Date.now(),
      machine: this.#machine.save(),
      records: this.#records.save(),
    };
    this.#file.write(`${JSON.stringify(state, undefined, 1)}\n`);
    this.#version = this.#file.version();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidState('it is not JSON');
  }
}
