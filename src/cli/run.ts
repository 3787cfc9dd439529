import { Cleanup } from '../cleanup';
import { Exit, UdrvError } from '../errors';
import type { NameSource, SessionDeviceInfo } from '../session/scope';
import type { Session } from '../session/session';
import { pause } from '../sys/wait';
import type { VfioOpenOptions } from '../vfio/device/device';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, openOptions } from './program/options';
import { interruptible } from './program/signals';
import { mapOption, mmapOptions } from './registers/options';
import { sessionNames } from './session/names';
import { findSessionDevice, openSession, openStep } from './session/open';
import { printFaults } from './session/print';
import { loadScript, type Script, scriptError } from './session/script';
import { Watchdog } from './session/watchdog';

export const command: VerbSpec = {
  description: 'a script with an open device, and everything put back when it ends',
  arguments: [
    argument('<file>', 'a module whose default export is async (session, { signal, args })'),
    argument('<device>', 'UIO, VFIO or USB', {}),
    argument('[args...]', 'for the script'),
  ],
  options: [...openOptions(), ...mmapOptions(), mapOption()],
  does: ['open', 'wait', 'change'],
  decides: true,
  examples: ['-n run fixtures/examples/edu-copy.mjs 0000:00:03.0 2048', '-n run driver.ts 1-4 --backend auto'],
  run,
};

/** Time that a script has to end once it is told to. */
const GRACE_MS = 1000;

async function run(
  context: Context,
  file: string,
  selector: string,
  args: string[],
  options: VfioOpenOptions & { map?: string[] },
): Promise<number | undefined> {
  const info = findSessionDevice(context, selector);
  const names = sessionNames(context, info, options);
  if (context.options.dryRun) {
    context.printSteps([openStep(info), `run ${file}`]);
    return undefined;
  }
  // The command's own errors have no stack; those of a script need theirs.
  Error.stackTraceLimit = 10;
  return interruptible(async (signal) => {
    using guard = new Guard(file, context.options.timeout, signal);
    const script = await guard.bound(() => loadScript(file));
    if (script === undefined) return;
    using sessions = new Sessions(context, options);
    const session = sessions.open(info, names);
    const open = (other: string) => {
      const found = findSessionDevice(context, other);
      return sessions.open(found, sessionNames(context, found, { ...options, map: [] }));
    };
    const work: Script = script;
    await guard.bound(async () => void (await work(session, { signal: guard.signal, args, open })));
    guard.unwatch();
    await sessions.printFaults();
  });
}

/** The devices of a script, which are all closed when it ends. */
class Sessions {
  readonly #context: Context;
  readonly #options: VfioOpenOptions;
  readonly #opened: { address: string; session: Session }[] = [];
  readonly #cleanup = new Cleanup();

  constructor(context: Context, options: VfioOpenOptions) {
    this.#context = context;
    this.#options = options;
    // A script may call process.exit().
    const onExit = () => this.#cleanup.close();
    process.on('exit', onExit);
    this.#cleanup.defer(() => void process.off('exit', onExit));
  }

  open(info: SessionDeviceInfo, names: NameSource): Session {
    const session = this.#cleanup.own(openSession(this.#context, info, this.#options, names));
    this.#opened.push({ address: info.address, session });
    return session;
  }

  async printFaults(): Promise<void> {
    for (const { address, session } of this.#opened) {
      const faults = await session.newFaults({ isLast: true });
      if (faults.length > 0) printFaults(this.#context, faults, address);
    }
  }

  [Symbol.dispose](): void {
    this.#cleanup.close();
  }
}

/** Bounds what a script does: by a time, by the user's signal, and by errors that it throws where nobody waits. */
class Guard {
  readonly #file: string;
  readonly #controller = new AbortController();
  readonly #cleanup = new Cleanup();
  /** Never resolves: rejects where the script has to be left. */
  readonly #left: Promise<undefined>;
  #watchdog: Watchdog | undefined;

  constructor(file: string, timeoutMs: number | undefined, signal: AbortSignal) {
    this.#file = file;
    this.#left = new Promise((resolve, reject) => {
      const leave = async (error: UdrvError | undefined) => {
        this.#controller.abort(error);
        await pause(GRACE_MS);
        if (error === undefined) resolve(undefined);
        else reject(error);
      };
      const onSignal = () => void leave(undefined);
      signal.addEventListener('abort', onSignal, { once: true });
      process.on('uncaughtException', reject);
      this.#cleanup.defer(() => void process.off('uncaughtException', reject));
      this.#cleanup.defer(() => signal.removeEventListener('abort', onSignal));
      if (timeoutMs !== undefined) this.#watch(timeoutMs, leave);
    });
    this.#left.catch(() => {});
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Runs a part of the script. @returns undefined also where the user ended it */
  async bound<T>(part: () => Promise<T>): Promise<T | undefined> {
    try {
      // In a microtask of its own: the watchdog ends all that is on the stack.
      return await Promise.race([Promise.resolve().then(part), this.#left]);
    } catch (error) {
      await this.#watchdog?.settled();
      // All that follows puts things back.
      this.unwatch();
      const { signal } = this;
      // The script may have thrown the reason, or have been stopped by it.
      if (signal.aborted) {
        if (signal.reason instanceof UdrvError) throw signal.reason;
        return undefined;
      }
      throw scriptError(error, this.#file);
    }
  }

  /** Ends the watch over loops that never wait: the script is done. */
  unwatch(): void {
    this.#watchdog?.close();
  }

  [Symbol.dispose](): void {
    this.#cleanup.close();
  }

  #watch(timeoutMs: number, leave: (error: UdrvError) => Promise<void>): void {
    const watchdog = this.#cleanup.own(new Watchdog(timeoutMs));
    this.#watchdog = watchdog;
    const timer = setTimeout(() => {
      watchdog.serve();
      void leave(
        new UdrvError(`did not end within ${timeoutMs} ms`, {
          code: 'ETIMEDOUT',
          exit: Exit.timeout,
          subject: this.#file,
        }),
      );
    }, timeoutMs);
    this.#cleanup.defer(() => clearTimeout(timer));
  }
}
