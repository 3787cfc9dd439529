/** A part of an output, and the host that it comes from; undefined where there is one machine. */
export interface Part<T> {
  host: string | undefined;
  part: T;
}

/** Takes the part that one host has in an output; it is printed once all hosts have theirs. */
export type AddPart = <T>(part: T, print: (parts: readonly Part<T>[]) => string) => void;

/** Outputs in which the parts of several hosts stand together: the rows of a list, the samples of a metric. */
export class Together {
  readonly #parts = new Map<string, Part<unknown>>();
  #print: ((parts: readonly Part<unknown>[]) => string) | undefined;

  /** Returns the way for a command to give its part for a host; one that is run again gives it again, or none. */
  of(host: string): AddPart {
    this.forget(host);
    return (part, print) => {
      this.#parts.set(host, { host, part });
      this.#print = print as (parts: readonly Part<unknown>[]) => string;
    };
  }

  /** Drops the part of a host that could not be read to its end. */
  forget(host: string): void {
    this.#parts.delete(host);
  }

  /** @param hosts in their order */
  text(hosts: readonly string[]): string {
    const parts = hosts.flatMap((host) => this.#parts.get(host) ?? []);
    return parts.length === 0 ? '' : (this.#print?.(parts) ?? '');
  }
}
