import { QUIET_MS, type StatusLine } from './status-line';

/** Says on the status line for what a command waits, whenever nothing has happened for a second, until it is disposed of. */
export class Waiting implements Disposable {
  readonly #status: StatusLine;
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param text is asked for each time that it is shown */
  constructor(status: StatusLine, text: () => string) {
    this.#status = status;
    if (!status.isOn) return;
    const timer = setTimeout(() => status.show(text()), QUIET_MS).unref();
    this.#timer = timer;
    status.onActivity = () => timer.refresh();
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    this.#status.onActivity = undefined;
    clearTimeout(this.#timer);
    this.#status.hide();
  }
}

/** Returns the text for a wait that Ctrl-C ends: `waiting for interrupts of uio0 (3 so far); Ctrl-C ends`. */
export function waitingText(what: string, soFar: number | string): string {
  return `waiting for ${what}${soFar === 0 ? '' : ` (${soFar} so far)`}; Ctrl-C ends`;
}
