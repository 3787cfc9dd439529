import type { Word } from '../../sys/sys';
import { clock } from '../../text/clock';
import { Screen } from '../activity/screen';
import type { Context } from '../program/context';
import type { Change, ChangesView } from './lines';
import type { Cells } from './parts';
import { type FrameRow, fittingRows, frameRows, rowsOfCells, type Seen } from './rows';

/** Values in place on a terminal, with marks behind those that changed. The last frame stays when it ends. */
export class ScreenView implements ChangesView {
  readonly #context: Context;
  readonly #screen: Screen;
  readonly #title: string;
  readonly #rows: readonly FrameRow[];
  readonly #rowOf: readonly number[];
  /** The cells that changed, that changed last at the end. */
  readonly #seen = new Map<number, Seen>();
  #changes = 0;

  /** @param title begins the first line */
  constructor(context: Context, title: string, parts: readonly Cells[], quit: () => void) {
    this.#context = context;
    this.#title = title;
    this.#rows = frameRows(parts);
    this.#rowOf = rowsOfCells(this.#rows);
    this.#screen = new Screen(context.stdout, context.env, (key) => {
      if (key === 'q' || key === 'Q') quit();
    });
  }

  show(changes: readonly Change[], values: readonly Word[], time: Date): void {
    for (const seen of this.#seen.values()) seen.changedNow = false;
    for (const { index, before } of changes) {
      const count = (this.#seen.get(index)?.count ?? 0) + 1;
      this.#seen.delete(index);
      this.#seen.set(index, { count, changedNow: true, before });
    }
    this.#changes += changes.length;
    const { style } = this.#context;
    const total = this.#changes === 1 ? '1 change' : `${this.#changes} changes`;
    const heading = style.heading(`${this.#title}; ${clock(time)}; ${total}`);
    // The heading, the foot, and what fits between them.
    const room = Math.max(1, this.#screen.rows - 2);
    const shown = fittingRows(this.#rows, this.#rowOf, room, [...this.#seen.keys()].reverse());
    const lines = shown.map((row) => row.text(values, this.#seen, style).trimEnd());
    const hidden = this.#rows.length - shown.length;
    const more = hidden === 0 ? '' : `${hidden} more lines; `;
    const kept = [heading, ...lines];
    this.#screen.draw([...kept, style.dim(`${more}* changed now, + before; q ends`)], [...kept, ''].join('\n'));
  }

  leave(): void {
    this.#screen.leave();
  }

  [Symbol.dispose](): void {
    this.#screen[Symbol.dispose]();
  }
}
