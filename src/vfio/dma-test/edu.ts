import type { Registers } from '../../model/registers';
import { hex } from '../../text/hex';
import type { IrqName } from '../device/irq-set';
import { deviceFailed } from '../errors';
import type { Check, Completion, Copy, DmaDriver, DmaPort, DmaTier, Finding } from './tier';
import { until } from './wait';

/** QEMU's device for teaching: docs/specs/edu.rst. Registers below 0x80 take 4 bytes only, and those above take 4 too. */
const ID = 0x00;
const LIVENESS = 0x04;
const FACTORIAL = 0x08;
const STATUS = 0x20;
const STATUS_COMPUTING = 0x01;
const IRQ_STATUS = 0x24;
const IRQ_ACKNOWLEDGE = 0x64;
const DMA_SOURCE = 0x80;
const DMA_DESTINATION = 0x88;
const DMA_COUNT = 0x90;
const DMA_COMMAND = 0x98;
const DMA_START = 0x01;
const DMA_TO_MEMORY = 0x02;
const DMA_INTERRUPT = 0x04;
/** Cause that the device raises when a transfer with DMA_INTERRUPT ends. */
const IRQ_DMA = 0x100;

/** Address of its buffer of 4 KiB, for its DMA engine: no register access reaches it. */
const BUFFER = 0x40000;
/** Half of the buffer: QEMU 7.2 ends the whole machine for a transfer that fills it. */
const MAX_LENGTH = 2048;

/** A transfer takes 100 ms of QEMU's time; on a busy host that is longer. */
const DMA_TIMEOUT_MS = 5000;
const POLL_MS = 5;

/**
 * edu moves memory through a buffer of its own: in, then out. No driver is behind it: those of `src/drivers` stand above,
 * and none of them goes on while its memory is taken away.
 */
export const eduTier: DmaTier = {
  name: 'edu',
  title: 'QEMU edu',
  // Its property dma_mask has 28 bits by default: higher bits are cut off.
  addressBits: 28,
  probe: ({ vendorId, deviceId }) => vendorId === '1234' && deviceId === '11e8',
  async init(port, signal) {
    const driver = new EduDriver(port);
    // A process that was killed may have left a transfer under way: it must end before bus mastering is switched on.
    await driver.idle(signal);
    driver.acknowledge();
    port.setBusMaster(true);
    return driver;
  },
};

class EduDriver implements DmaDriver {
  readonly maxLength = MAX_LENGTH;
  readonly source = 'memory';
  readonly checks: readonly Check[];
  readonly #port: DmaPort;
  readonly #registers: Registers;

  constructor(port: DmaPort) {
    this.#port = port;
    this.#registers = port.region('bar0');
    this.checks = [
      { name: 'identity', run: (signal) => this.#identity(signal) },
      { name: 'completion-msi', run: (signal) => this.#completion('msi', signal) },
      { name: 'completion-intx', run: (signal) => this.#completion('intx', signal) },
    ];
  }

  async copy({ source, destination, length }: Copy, signal: AbortSignal): Promise<Completion> {
    await this.#transfer(source, BigInt(BUFFER), length, 0, signal);
    await this.#transfer(BigInt(BUFFER), destination, length, DMA_TO_MEMORY, signal);
    return { completed: true, note: null };
  }

  async remove(): Promise<void> {
    await this.idle();
    for (const register of [DMA_SOURCE, DMA_DESTINATION, DMA_COUNT]) this.#registers.write(register, 4, 0);
    this.acknowledge();
  }

  /** Waits until the DMA engine is idle. */
  async idle(signal?: AbortSignal): Promise<void> {
    const done = () => (Number(this.#registers.read(DMA_COMMAND, 4)) & DMA_START) === 0;
    if (await until(done, { timeoutMs: DMA_TIMEOUT_MS, everyMs: POLL_MS, signal })) return;
    const { address } = this.#port.device;
    throw deviceFailed(address, `its DMA engine was still busy after ${DMA_TIMEOUT_MS / 1000} s`, 'ETIMEDOUT');
  }

  /** Acknowledges every cause that is raised, and returns them. */
  acknowledge(): number {
    const raised = Number(this.#registers.read(IRQ_STATUS, 4));
    if (raised !== 0) this.#registers.write(IRQ_ACKNOWLEDGE, 4, raised);
    return raised;
  }

  async #transfer(from: bigint, to: bigint, length: number, flags: number, signal: AbortSignal): Promise<void> {
    if (length > MAX_LENGTH) throw new RangeError(`edu moves ${MAX_LENGTH} bytes at once`);
    this.#registers.write(DMA_SOURCE, 4, Number(from));
    this.#registers.write(DMA_DESTINATION, 4, Number(to));
    this.#registers.write(DMA_COUNT, 4, length);
    this.#registers.write(DMA_COMMAND, 4, DMA_START | flags);
    await this.idle(signal);
  }

  async #identity(signal: AbortSignal): Promise<Finding> {
    const id = Number(this.#registers.read(ID, 4));
    if ((id & 0xff) !== 0xed) return { verdict: 'fail', detail: `identifies itself as ${hex(id)}` };
    this.#registers.write(LIVENESS, 4, 0x12345678);
    const inverted = Number(this.#registers.read(LIVENESS, 4));
    // Its value after a reset: it shows the inverse of the last write.
    this.#registers.write(LIVENESS, 4, 0xffffffff);
    if (inverted !== 0xedcba987)
      return { verdict: 'fail', detail: `its liveness register shows ${hex(inverted)}, not 0xedcba987` };
    this.#registers.write(FACTORIAL, 4, 5);
    const computed = () => (Number(this.#registers.read(STATUS, 4)) & STATUS_COMPUTING) === 0;
    await until(computed, { timeoutMs: DMA_TIMEOUT_MS, everyMs: POLL_MS, signal });
    const factorial = Number(this.#registers.read(FACTORIAL, 4));
    if (factorial !== 120) return { verdict: 'fail', detail: `its 5! is ${factorial}` };
    return { verdict: 'pass', detail: `revision ${(id >>> 24) & 0xff}.${(id >>> 16) & 0xff}, alive, 5! is 120` };
  }

  /** Checks that the end of a transfer raises an interrupt. */
  async #completion(irq: IrqName, signal: AbortSignal): Promise<Finding> {
    if (this.#port.interruptCount(irq) === 0) return { verdict: 'skip', detail: `the device has no ${irq}` };
    const buffer = this.#port.pool.allocate(MAX_LENGTH);
    const eventfds = this.#port.interrupt(irq, 0);
    try {
      buffer.map({ read: true, write: false });
      await this.#transfer(buffer.iova, BigInt(BUFFER), MAX_LENGTH, DMA_INTERRUPT, signal);
      const event = await eventfds.next({ timeoutMs: 1000, signal });
      const raised = this.acknowledge();
      if (event === null) return { verdict: 'fail', detail: 'the transfer ended, but no interrupt came' };
      if ((raised & IRQ_DMA) === 0)
        return { verdict: 'fail', detail: `an interrupt came, but not this one: status ${hex(raised)}` };
      return { verdict: 'pass', detail: `the end of a transfer came as ${irq.toUpperCase()}` };
    } finally {
      eventfds.close();
      buffer.close();
    }
  }
}
