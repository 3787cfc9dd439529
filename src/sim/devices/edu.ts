import type { Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { ones, type SimRegion, toWord } from '../hardware/region';
import type { Scheduled, Timeline } from '../hardware/timeline';
import type { PciFunction } from '../pci/function';
import { hexOf, type Saved, type StateReader } from '../state/saved';

const ID = 0x010000ed;
const REG_ID = 0x00;
const REG_LIVENESS = 0x04;
const REG_FACTORIAL = 0x08;
const REG_STATUS = 0x20;
const REG_IRQ_STATUS = 0x24;
const REG_IRQ_RAISE = 0x60;
const REG_IRQ_ACK = 0x64;
const REG_DMA_SOURCE = 0x80;
const REG_DMA_DESTINATION = 0x88;
const REG_DMA_COUNT = 0x90;
const REG_DMA_COMMAND = 0x98;
/** The first register that takes accesses of 8 bytes too. */
const WIDE = 0x80;

const STATUS_COMPUTING = 0x01;
const STATUS_IRQ_WHEN_DONE = 0x80;
const IRQ_FACTORIAL = 0x001;
const IRQ_DMA = 0x100;
const DMA_RUN = 0x1n;
const DMA_TO_MEMORY = 0x2n;
const DMA_IRQ_WHEN_DONE = 0x4n;

/** The device's own memory, as its DMA engine addresses it. */
const BUFFER_START = 0x40000n;
const BUFFER_SIZE = 4096n;
/** The engine drives 28 address bits. */
const DMA_MASK = 0xfffffffn;
/** QEMU's takes 100 ms: this is as long as a program needs to see that it runs. */
const DMA_MS = 10;
/** QEMU computes in a thread, in no promised time: long enough that a program can see the busy bit. */
const FACTORIAL_MS = 0.1;

/**
 * QEMU's `edu`, BAR 0: docs/specs/edu.rst and hw/misc/edu.c of QEMU, checked on 7.2. Its buffer is reached by DMA
 * alone; a transfer that would leave it is not made (QEMU logs it, or ends).
 */
export class Edu implements SimRegion {
  readonly #fn: PciFunction;
  readonly #timeline: Timeline;
  readonly #buffer = Buffer.alloc(Number(BUFFER_SIZE));
  #liveness = 0;
  #factorial = 0;
  #status = 0;
  #irqStatus = 0;
  #dmaSource = 0n;
  #dmaDestination = 0n;
  #dmaCount = 0n;
  #dmaCommand = 0n;
  /** The ends of what it is at. */
  #factorialEnd: Scheduled | null = null;
  #dmaEnd: Scheduled | null = null;

  constructor(fn: PciFunction, timeline: Timeline) {
    this.#fn = fn;
    this.#timeline = timeline;
    fn.attach(0, this);
  }

  /** The interrupt causes that are not acknowledged yet. */
  get irqStatus(): number {
    return this.#irqStatus;
  }

  /** Raises its interrupt, as a write to 0x60 does. */
  raise(causes = 1): void {
    this.#irqStatus = (this.#irqStatus | causes) >>> 0;
    if (this.#irqStatus !== 0) this.#fn.setInterrupt(true);
  }

  acknowledge(causes: number): void {
    this.#irqStatus = (this.#irqStatus & ~causes) >>> 0;
    if (this.#irqStatus === 0) this.#fn.setInterrupt(false);
  }

  /** @internal */
  save(): Saved {
    return {
      liveness: this.#liveness,
      factorial: this.#factorial,
      status: this.#status,
      irqStatus: this.#irqStatus,
      dmaSource: hex(this.#dmaSource),
      dmaDestination: hex(this.#dmaDestination),
      dmaCount: hex(this.#dmaCount),
      dmaCommand: hex(this.#dmaCommand),
      factorialEnd: this.#factorialEnd?.due ?? null,
      dmaEnd: this.#dmaEnd?.due ?? null,
      buffer: hexOf(this.#buffer),
    };
  }

  /** @internal */
  restore(state: StateReader): void {
    this.#liveness = state.at('liveness').u32();
    this.#factorial = state.at('factorial').u32();
    this.#status = state.at('status').integer(STATUS_COMPUTING | STATUS_IRQ_WHEN_DONE);
    this.#irqStatus = state.at('irqStatus').u32();
    this.#dmaSource = state.at('dmaSource').u64();
    this.#dmaDestination = state.at('dmaDestination').u64();
    this.#dmaCount = state.at('dmaCount').u64();
    this.#dmaCommand = state.at('dmaCommand').u64();
    this.#factorialEnd = this.#timeline.resume(state.at('factorialEnd'), () => this.#finishFactorial());
    this.#dmaEnd = this.#timeline.resume(state.at('dmaEnd'), () => this.#finishDma());
    state.at('buffer').bytes(this.#buffer.length).copy(this.#buffer);
  }

  read(offset: number, width: Width): Word {
    // The memory core refuses what is narrower than the device's 4 bytes, and gives 0 for it.
    if (width < 4) return 0;
    if (offset < WIDE && width !== 4) return ones(width);
    switch (offset) {
      case REG_ID:
        return ID;
      case REG_LIVENESS:
        return this.#liveness;
      case REG_FACTORIAL:
        return this.#factorial;
      case REG_STATUS:
        return this.#status;
      case REG_IRQ_STATUS:
        return this.#irqStatus;
      case REG_DMA_SOURCE:
        return this.#dmaSource;
      case REG_DMA_DESTINATION:
        return this.#dmaDestination;
      case REG_DMA_COUNT:
        return this.#dmaCount;
      case REG_DMA_COMMAND:
        return this.#dmaCommand;
      default:
        return ones(width);
    }
  }

  write(offset: number, width: Width, value: Word): void {
    if (width < 4) return;
    if (offset < WIDE) {
      if (width === 4) this.#writeRegister(offset, Number(value));
    } else {
      this.#writeDma(offset, BigInt(value));
    }
  }

  #writeRegister(offset: number, value: number): void {
    switch (offset) {
      case REG_LIVENESS:
        this.#liveness = ~value >>> 0;
        break;
      case REG_FACTORIAL:
        this.#startFactorial(value);
        break;
      case REG_STATUS:
        this.#status = (this.#status & ~STATUS_IRQ_WHEN_DONE) | (value & STATUS_IRQ_WHEN_DONE);
        break;
      case REG_IRQ_RAISE:
        this.raise(value);
        break;
      case REG_IRQ_ACK:
        this.acknowledge(value);
    }
  }

  #startFactorial(value: number): void {
    if (this.#status & STATUS_COMPUTING) return;
    this.#factorial = value;
    this.#status |= STATUS_COMPUTING;
    this.#factorialEnd = this.#timeline.after(FACTORIAL_MS, () => this.#finishFactorial());
  }

  #finishFactorial(): void {
    this.#factorialEnd = null;
    this.#factorial = factorial(this.#factorial);
    this.#status &= ~STATUS_COMPUTING;
    if (this.#status & STATUS_IRQ_WHEN_DONE) this.raise(IRQ_FACTORIAL);
  }

  /** Writes a register of the DMA engine. It takes none while it runs; a command without the run bit does nothing. */
  #writeDma(offset: number, value: bigint): void {
    if (this.#dmaCommand & DMA_RUN) return;
    switch (offset) {
      case REG_DMA_SOURCE:
        this.#dmaSource = value;
        break;
      case REG_DMA_DESTINATION:
        this.#dmaDestination = value;
        break;
      case REG_DMA_COUNT:
        this.#dmaCount = value;
        break;
      case REG_DMA_COMMAND:
        if ((value & DMA_RUN) === 0n) return;
        this.#dmaCommand = value;
        this.#dmaEnd = this.#timeline.after(DMA_MS, () => this.#finishDma());
    }
  }

  #finishDma(): void {
    this.#dmaEnd = null;
    this.#transfer();
    this.#dmaCommand &= ~DMA_RUN;
    if (this.#dmaCommand & DMA_IRQ_WHEN_DONE) this.raise(IRQ_DMA);
  }

  #transfer(): void {
    const toMemory = (this.#dmaCommand & DMA_TO_MEMORY) !== 0n;
    const start = (toMemory ? this.#dmaSource : this.#dmaDestination) - BUFFER_START;
    const count = this.#dmaCount;
    if (start < 0n || start + count > BUFFER_SIZE) return;
    const buffer = this.#buffer.subarray(Number(start), Number(start + count));
    const address = (toMemory ? this.#dmaDestination : this.#dmaSource) & DMA_MASK;
    if (toMemory) this.#fn.writeDma(address, Buffer.from(buffer));
    else buffer.set(this.#fn.readDma(address, buffer.length) ?? Buffer.alloc(buffer.length));
  }
}

/** Returns the lowest 32 bits of a factorial; from 34 on they are 0. */
function factorial(value: number): number {
  let result = 1n;
  for (let n = Math.min(value, 34); n > 0; n--) result *= BigInt(n);
  return Number(toWord(result, 4));
}
