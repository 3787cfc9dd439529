/**
 * Undoes what was done, the last first: closes descriptors, unmaps, puts a changed setting back. One object owns each
 * thing that has to be undone, and this is what it keeps them in.
 *
 * A step that fails does not keep the others from running. The first failure is thrown once all have run; the later
 * ones are in {@link Cleanup.laterFailures}. Closing again does nothing.
 *
 * @example
 * using cleanup = new Cleanup();
 * const fd = sys.open(path, { write: true });
 * cleanup.defer(() => sys.close(fd));
 */
export class Cleanup implements Disposable {
  readonly #steps: (() => void)[] = [];
  readonly #laterFailures: unknown[] = [];

  /** Failures after the one that {@link close} threw, in the order in which they happened. */
  get laterFailures(): readonly unknown[] {
    return this.#laterFailures;
  }

  /** Adds a step that {@link close} runs before all that were added earlier. */
  defer(undo: () => void): void {
    this.#steps.push(undo);
  }

  /** Adds the resource's `close` as a step. @returns the resource */
  own<T extends { close(): void }>(resource: T): T {
    this.defer(() => resource.close());
    return resource;
  }

  /**
   * Runs all steps.
   *
   * @throws the first failure, after all steps have run
   */
  close(): void {
    const failures: unknown[] = [];
    for (let undo = this.#steps.pop(); undo !== undefined; undo = this.#steps.pop()) {
      try {
        undo();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length === 0) return;
    this.#laterFailures.push(...failures.slice(1));
    throw failures[0];
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Runs `acquire`, which takes several resources one after another. Where it throws, those that it had taken are given
 * back, and its error is thrown, whether or not giving them back fails too.
 */
export function acquiring<T>(acquire: (cleanup: Cleanup) => T): T {
  const cleanup = new Cleanup();
  try {
    return acquire(cleanup);
  } catch (error) {
    closeQuietly(cleanup);
    throw error;
  }
}

/** Closes on the way out with an error, which says more than the ones that it led to. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch {
    // The caller throws the error that ended the work.
  }
}
