/**
 * Undoes what was done, the last first: closes descriptors, unmaps, puts a changed setting back. One object owns each
 * thing that has to be undone, and this is what it keeps them in.
 *
 * A step that fails does not keep the others from running. The first failure is thrown once all have run, and the later
 * ones go with it: {@link laterFailures}. Closing again does nothing.
 *
 * @example
 * using cleanup = new Cleanup();
 * const fd = sys.open(path, { write: true });
 * cleanup.defer(() => sys.close(fd));
 */
export class Cleanup implements Disposable {
  readonly #steps: (() => void)[] = [];

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
    if (failures.length > 0) throw withLater(failures[0], failures.slice(1));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Runs `acquire`, which takes several resources one after another. Where it throws, those that it had taken are given
 * back, and its error is thrown; failures of giving back go with it.
 */
export function acquiring<T>(acquire: (cleanup: Cleanup) => T): T {
  const cleanup = new Cleanup();
  try {
    return acquire(cleanup);
  } catch (error) {
    throw closing(cleanup, error);
  }
}

/** Closes a resource on the way out with an error. @returns the error, with the failures of closing as later ones */
export function closing(resource: { close(): void }, error: unknown): unknown {
  try {
    resource.close();
  } catch (failure) {
    return withLater(error, [failure]);
  }
  return error;
}

/** Marks errors for copies of this module: the command is one, and the library that its scripts import another. */
const LATER = Symbol.for('udrv.laterFailures');

/** Returns the failures that came after an error, mostly of giving back, in the order in which they happened. */
export function laterFailures(error: unknown): readonly unknown[] {
  const found = new Set<unknown>([error]);
  // A failure that is thrown twice is one, and none has itself among its later ones.
  const visit = (one: unknown): void => {
    for (const later of ownLater(one)) {
      if (found.has(later)) continue;
      found.add(later);
      visit(later);
    }
  };
  visit(error);
  found.delete(error);
  return [...found];
}

function ownLater(error: unknown): readonly unknown[] {
  return error instanceof Error ? ((error as { [LATER]?: readonly unknown[] })[LATER] ?? []) : [];
}

/** Adds failures to those that came after an error. @returns the error */
export function withLater(error: unknown, failures: readonly unknown[]): unknown {
  if (failures.length === 0 || !(error instanceof Error)) return error;
  // Not enumerable: it is no part of what an error says.
  return Object.defineProperty(error, LATER, { value: [...ownLater(error), ...failures], configurable: true });
}
