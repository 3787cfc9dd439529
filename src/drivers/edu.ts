import { closedError, Exit, UdrvError } from '../errors';
import type { Registers } from '../model/registers';
import type { UioDevice } from '../uio';

/**
 * A driver of QEMU's edu over UIO, driven by its interrupt: docs/specs/edu.rst of QEMU. It is the pattern of any UIO
 * driver: registers in a mapping, one task that serves interrupts, callers that wait for their cause.
 *
 * The device's DMA engine is left out. It takes bus addresses, and UIO gives a program none: there is no IOMMU domain to
 * map memory into, and nothing holds the device once the process has died. Memory with a bus address comes from the
 * u-dma-buf driver (`UDmaBuf`); the safe way is VFIO.
 */

const ID = 0x00;
const LIVENESS = 0x04;
const FACTORIAL = 0x08;
const STATUS = 0x20;
const IRQ_STATUS = 0x24;
const IRQ_RAISE = 0x60;
const IRQ_ACK = 0x64;

const ID_EDU = 0xed;
const STATUS_COMPUTING = 0x01;
const STATUS_IRQ_WHEN_DONE = 0x80;
const CAUSE_FACTORIAL = 0x1;

/** 13! is no number of 32 bits. */
const MOST = 12;
const TIMEOUT_MS = 1000;

/** A caller that waits for any of some causes. */
interface Waiter {
  causes: number;
  resolve: (causes: number) => void;
  reject: (error: unknown) => void;
}

/**
 * An edu that is driven from here. {@link close} (or `await using`) silences it: no interrupt is pending afterwards.
 *
 * @example
 * using device = UioDevice.open(sys, info, { write: true });
 * await using edu = Edu.open(device);
 * console.log(await edu.factorial(10));
 */
export class Edu {
  readonly version: { major: number; minor: number };
  readonly #device: UioDevice;
  readonly #registers: Registers;
  readonly #readCauses: () => number | bigint;
  readonly #acknowledge: (causes: number) => void;
  readonly #waiters = new Set<Waiter>();
  readonly #closing = new AbortController();
  readonly #serving: Promise<void>;
  /** The end of the last factorial: the device computes one at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #interrupts = 0;
  #failure: unknown;

  private constructor(device: UioDevice) {
    this.#device = device;
    this.#registers = device.region('map0');
    const id = this.#read(ID);
    if ((id & 0xff) !== ID_EDU) throw this.#error(`is no edu (id 0x${id.toString(16)})`, 'ENOTSUP', Exit.unsupported);
    this.version = { major: id >>> 24, minor: (id >>> 16) & 0xff };
    // Made once: an interrupt is served without checks and without allocation.
    this.#readCauses = this.#registers.reader(IRQ_STATUS, 4);
    this.#acknowledge = this.#registers.writer(IRQ_ACK, 4);
    this.#quiet();
    this.#registers.write(STATUS, 4, STATUS_IRQ_WHEN_DONE);
    this.#serving = this.#serve();
  }

  /** @throws exit 9 where it is another device */
  static open(device: UioDevice): Edu {
    return new Edu(device);
  }

  /** Interrupts that were served. */
  get interrupts(): number {
    return this.#interrupts;
  }

  /** Writes a word to the liveness register. @returns what the device makes of it: its complement */
  liveness(word: number): number {
    this.#mustBeOpen();
    this.#registers.write(LIVENESS, 4, word);
    return this.#read(LIVENESS);
  }

  /** Has the device compute a factorial. @param value from 0 to 12 @throws exit 6 where it does not end */
  async factorial(value: number): Promise<number> {
    if (!Number.isInteger(value) || value < 0 || value > MOST)
      throw new RangeError(`${value} is no whole number from 0 to ${MOST}`);
    const result = this.#turn.then(async () => {
      this.#mustBeOpen();
      if ((this.#read(STATUS) & STATUS_COMPUTING) !== 0) throw this.#error('is computing already', 'EBUSY', Exit.busy);
      // Waits before it starts: the interrupt may be there at once.
      const done = this.#wait(CAUSE_FACTORIAL);
      this.#registers.write(FACTORIAL, 4, value);
      await done;
      return this.#read(FACTORIAL);
    });
    this.#turn = result.catch(() => {});
    return await result;
  }

  /**
   * Has the device raise its interrupt.
   *
   * @param causes a bit for each, not 0
   * @returns the causes that were served with it
   * @throws exit 6 where none comes, exit 8 where the device is gone
   */
  async raise(causes: number): Promise<number> {
    this.#mustBeOpen();
    const served = this.#wait(causes);
    this.#registers.write(IRQ_RAISE, 4, causes);
    return await served;
  }

  /** Silences the device, and ends whoever waits. A second close does nothing. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#fail(this.#error('was closed', 'ECANCELED', Exit.interrupted));
    await this.#serving;
    this.#quiet();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Serves interrupts until the close. The line is level-triggered: the device lets go of it when it is acknowledged, and
   * only then may the kernel let the next interrupt through, which `interrupts` does after `acknowledge`.
   */
  async #serve(): Promise<void> {
    const { signal } = this.#closing;
    try {
      for await (const _ of this.#device.interrupts({ signal, acknowledge: () => this.#service() })) this.#interrupts++;
    } catch (error) {
      this.#failure = error;
      this.#fail(error);
    }
  }

  #service(): void {
    const causes = Number(this.#readCauses());
    this.#acknowledge(causes);
    // A read behind the write makes it arrive, before the interrupt is let through again.
    this.#readCauses();
    for (const waiter of this.#waiters) if ((waiter.causes & causes) !== 0) waiter.resolve(causes);
  }

  async #wait(causes: number): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure;
    let timer: NodeJS.Timeout | undefined;
    let waiter: Waiter | undefined;
    try {
      return await new Promise<number>((resolve, reject) => {
        waiter = { causes, resolve, reject };
        this.#waiters.add(waiter);
        const late = () => reject(this.#error(`no interrupt within ${TIMEOUT_MS} ms`, 'ETIMEDOUT', Exit.timeout));
        timer = setTimeout(late, TIMEOUT_MS);
      });
    } finally {
      clearTimeout(timer);
      if (waiter !== undefined) this.#waiters.delete(waiter);
    }
  }

  #fail(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error);
  }

  /** Switches interrupts off, and takes back those that are pending. */
  #quiet(): void {
    this.#registers.write(STATUS, 4, 0);
    this.#registers.write(IRQ_ACK, 4, this.#read(IRQ_STATUS));
    this.#read(IRQ_STATUS);
  }

  #read(offset: number): number {
    return Number(this.#registers.read(offset, 4));
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw closedError('the device');
  }

  #error(message: string, code: string, exit: UdrvError['exit']): UdrvError {
    return new UdrvError(message, { code, exit, device: this.#device.info.address });
  }
}
