import type { VfioDeviceInfo } from '../../model/device';
import type { Sys } from '../../sys/sys';
import { openFailed } from './open-errors';

/** Descriptors that belong together: given back in reverse order, also where opening the next one failed. */
export class Opened {
  readonly #sys: Sys;
  readonly #fds: number[] = [];

  constructor(sys: Sys) {
    this.#sys = sys;
  }

  /**
   * Opens a node that a device is reached through.
   *
   * @param name for traces, where the path does not say it well
   */
  node(device: VfioDeviceInfo, path: string, name?: string): number {
    try {
      return this.add(this.#sys.open(path, { write: true, ...(name !== undefined && { name }) }));
    } catch (error) {
      throw openFailed(this.#sys, device, error);
    }
  }

  add(fd: number): number {
    this.#fds.push(fd);
    return fd;
  }

  close(): void {
    let failure: { error: unknown } | undefined;
    for (const fd of this.#fds.splice(0).reverse()) {
      try {
        this.#sys.close(fd);
      } catch (error) {
        // The others must not stay open for it.
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }
}

/** Runs what opens descriptors one after another; where it fails, those that it had opened are closed. */
export function opening<T>(sys: Sys, open: (opened: Opened) => T): T {
  const opened = new Opened(sys);
  try {
    return open(opened);
  } catch (error) {
    opened.close();
    throw error;
  }
}
