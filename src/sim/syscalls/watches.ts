import type { PollEvent, Watch } from '../../sys/sys';
import type { Timeline } from '../hardware/timeline';
import type { OpenFile } from '../kernel/file';

/** setTimeout takes no more. */
const LONGEST_MS = 2 ** 31 - 1;

interface Watched {
  readonly file: OpenFile;
  readonly event: PollEvent;
  /** False once the descriptor is closed: a watch on it never fires again. */
  isOpen(): boolean;
  readonly onReady: () => void;
}

/**
 * Descriptors that the event loop watches, as uv_poll does: level-triggered, never called from within the call that
 * made them ready, and keeping the process alive while there is one. Without one there is no timer either.
 */
export class Watches {
  readonly #timeline: Timeline;
  readonly #watched = new Set<Watched>();
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    timeline.onEarlier = () => this.wake();
  }

  has(file: OpenFile): boolean {
    for (const watched of this.#watched) if (watched.file === file) return true;
    return false;
  }

  add(file: OpenFile, event: PollEvent, isOpen: () => boolean, onReady: () => void): Watch {
    const watched = { file, event, isOpen, onReady };
    this.#watched.add(watched);
    this.wake();
    return {
      close: () => {
        this.#watched.delete(watched);
        if (this.#watched.size === 0) this.#disarm();
      },
    };
  }

  /** Looks again: a descriptor may have become ready, or the next event be an earlier one. */
  wake(): void {
    // The check that is under way is enough; put off each time, it might never come.
    if (this.#watched.size === 0 || this.#immediate !== undefined) return;
    this.#disarm();
    if (this.#ready().length > 0) {
      this.#immediate = setImmediate(() => this.#check());
      return;
    }
    const delay = Math.ceil(this.#timeline.next - this.#timeline.now());
    this.#timer = setTimeout(() => this.#check(), Math.min(Math.max(delay, 0), LONGEST_MS));
  }

  #check(): void {
    this.#disarm();
    try {
      this.#timeline.run();
      // One callback may drain or close the file that was ready for the next.
      for (const watched of this.#ready()) if (this.#watched.has(watched) && isReady(watched)) watched.onReady();
    } finally {
      // A callback that throws is for the process to handle; the others go on.
      this.wake();
    }
  }

  #ready(): Watched[] {
    return [...this.#watched].filter(isReady);
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }
}

function isReady({ file, event, isOpen }: Watched): boolean {
  return isOpen() && file.ready?.(event) === true;
}
