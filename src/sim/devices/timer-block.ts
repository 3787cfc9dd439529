import type { Width, Word } from '../../sys/sys';
import { IrqLine } from '../hardware/irq-line';
import { PlatformDevice } from '../hardware/platform-device';
import { ones, ram, type SimRegion } from '../hardware/region';
import type { Scheduled, Timeline } from '../hardware/timeline';
import { hexOf, type Saved, type StateReader } from '../state/saved';

const ID = 0x54494d01;
const REG_ID = 0x00;
const REG_CONTROL = 0x04;
const REG_PERIOD_US = 0x08;
const REG_STATUS = 0x0c;
const REG_COUNT = 0x10;
const REG_TRIGGER = 0x14;
const REG_SCRATCH = 0x18;

const CONTROL_RUN = 0x1;
const CONTROL_IRQ_ENABLE = 0x2;
/** The interrupt stays asserted while STATUS.EXPIRED is set; without it, it is a pulse. */
const CONTROL_LEVEL = 0x4;
const CONTROL_BITS = CONTROL_RUN | CONTROL_IRQ_ENABLE | CONTROL_LEVEL;

const STATUS_EXPIRED = 0x1;
/** Expired again before EXPIRED was cleared. */
const STATUS_OVERRUN = 0x2;

const BUFFER = 0x1000;
const BOOT_PERIOD_US = 250_000;

/**
 * A made-up platform device: a periodic timer, running from boot on. All registers have 32 bits and take accesses of 4
 * bytes; others read as all ones and are lost when written.
 *
 *     0x00 ID         read only: 0x54494d01
 *     0x04 CONTROL    bit 0 run, bit 1 interrupt enable, bit 2 level (else the interrupt is a pulse)
 *     0x08 PERIOD_US  in microseconds; 0 stops. A write starts a new period
 *     0x0c STATUS     bit 0 expired, bit 1 overrun; writing 1 clears
 *     0x10 COUNT      read only: how often it has expired
 *     0x14 TRIGGER    write only: anything makes it expire now, running or not
 *     0x18 SCRATCH    holds what is written
 */
export class TimerBlock implements SimRegion {
  readonly irq = new IrqLine();
  readonly buffer = Buffer.alloc(BUFFER);
  readonly #timeline: Timeline;
  #control = CONTROL_RUN | CONTROL_IRQ_ENABLE;
  #periodUs = BOOT_PERIOD_US;
  #status = 0;
  #count = 0;
  #scratch = 0;
  #next: Scheduled | null = null;
  /** The time of the last expiry, or of the start. */
  #since = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#restart();
  }

  save(): Saved {
    return {
      control: this.#control,
      periodUs: this.#periodUs,
      status: this.#status,
      count: this.#count,
      scratch: this.#scratch,
      since: this.#since,
      buffer: hexOf(this.buffer),
    };
  }

  restore(state: StateReader): void {
    this.#control = state.at('control').integer(CONTROL_BITS);
    this.#periodUs = state.at('periodUs').u32();
    this.#status = state.at('status').integer(STATUS_EXPIRED | STATUS_OVERRUN);
    this.#count = state.at('count').u32();
    this.#scratch = state.at('scratch').u32();
    this.#since = state.at('since').time();
    state.at('buffer').bytes(BUFFER).copy(this.buffer);
    this.#next?.cancel();
    this.#next = null;
    this.#schedule();
  }

  read(offset: number, width: Width): Word {
    if (width !== 4) return ones(width);
    switch (offset) {
      case REG_ID:
        return ID;
      case REG_CONTROL:
        return this.#control;
      case REG_PERIOD_US:
        return this.#periodUs;
      case REG_STATUS:
        return this.#status;
      case REG_COUNT:
        return this.#count;
      case REG_SCRATCH:
        return this.#scratch;
      default:
        return 0;
    }
  }

  write(offset: number, width: Width, value: Word): void {
    if (width !== 4) return;
    const word = Number(value);
    switch (offset) {
      case REG_CONTROL: {
        const restart = ((this.#control ^ word) & CONTROL_RUN) !== 0;
        this.#control = word & CONTROL_BITS;
        if (restart) this.#restart();
        this.#updateIrq();
        break;
      }
      case REG_PERIOD_US:
        this.#periodUs = word;
        this.#restart();
        break;
      case REG_STATUS:
        this.#status &= ~word;
        this.#updateIrq();
        break;
      case REG_TRIGGER:
        this.expire();
        break;
      case REG_SCRATCH:
        this.#scratch = word;
    }
  }

  /** Expires. @param times more than one where no call came for longer than a period */
  expire(times = 1): void {
    this.#count = (this.#count + times) >>> 0;
    if ((this.#status & STATUS_EXPIRED) !== 0 || times > 1) this.#status |= STATUS_OVERRUN;
    this.#status |= STATUS_EXPIRED;
    if ((this.#control & (CONTROL_IRQ_ENABLE | CONTROL_LEVEL)) === CONTROL_IRQ_ENABLE) this.irq.pulse();
    else this.#updateIrq();
  }

  #updateIrq(): void {
    const level = CONTROL_IRQ_ENABLE | CONTROL_LEVEL;
    this.irq.set((this.#control & level) === level && (this.#status & STATUS_EXPIRED) !== 0);
  }

  #restart(): void {
    this.#next?.cancel();
    this.#next = null;
    this.#since = this.#timeline.now();
    this.#schedule();
  }

  #schedule(): void {
    if ((this.#control & CONTROL_RUN) === 0 || this.#periodUs === 0) return;
    const period = this.#periodUs / 1000;
    this.#next = this.#timeline.after(this.#since + period - this.#timeline.now(), () => {
      const times = Math.max(1, Math.floor((this.#timeline.now() - this.#since) / period));
      this.#since += times * period;
      this.#schedule();
      this.expire(times);
    });
  }
}

/** Makes the timer's platform device: its registers do not begin at a page, and it has a buffer of plain memory. */
export function timerDevice(timer: TimerBlock): PlatformDevice {
  return new PlatformDevice('fed60100.timer', 'timer', 'udrv,timer', timer.irq, [
    { name: 'registers', start: 0xfed60100, size: 0x100, region: timer },
    { name: 'buffer', start: 0xfed70000, size: BUFFER, region: ram(timer.buffer) },
  ]);
}
