import type { Registers } from '../../model/registers';
import { pciPath } from '../../pci/paths';
import { hex, hexDigits } from '../../text/hex';
import type { IrqEventfds } from '../device/irq-eventfds';
import { type DmaBuffer, READ_WRITE } from '../dma/buffer';
import { deviceFailed, kernelDriverAttached } from '../errors';
import { putBack } from './put-back';
import type { Check, Completion, Copy, DmaDriver, DmaPort, DmaTier, Finding } from './tier';
import { pause, until } from './wait';

/**
 * An NVMe controller by its admin queue and the one command Identify, which writes the controller's description to
 * memory and touches no data. No I/O queue is made, so no I/O command can be sent. NVM Express Base Specification,
 * sections 3.1 (registers), 3.3 (queues), 3.5 (initialization) and 5.1.13 (Identify).
 */
const CAP_LOW = 0x00;
const CAP_HIGH = 0x04;
const CC = 0x14;
const CC_ENABLE = 0x1;
/** Entries of 64 bytes in submission queues and of 16 in completion queues, as powers of two. */
const CC_ENTRY_SIZES = (6 << 16) | (4 << 20);
const CSTS = 0x1c;
const CSTS_READY = 0x1;
const CSTS_FATAL = 0x2;
const AQA = 0x24;
const ASQ = 0x28;
const ACQ = 0x30;
const DOORBELLS = 0x1000;

const SUBMISSION_SIZE = 64;
const COMPLETION_SIZE = 16;
const QUEUE_ENTRIES = 16;

const IDENTIFY = 0x06;
const CNS_CONTROLLER = 1;
const IDENTIFY_SIZE = 4096;
/** Offsets of PCI Vendor ID, serial number and model number in the data of Identify. */
const VENDOR = 0;
const SERIAL: [number, number] = [4, 24];
const MODEL: [number, number] = [24, 64];

/** An admin command takes microseconds; one whose memory was taken away may never end. */
const COMMAND_TIMEOUT_MS = 2000;
const POLL_MS = 5;
/** Class, subclass and programming interface of a controller with this register layout. */
const NVME_CLASS = '0x010802';

export const nvmeTier: DmaTier = {
  name: 'nvme',
  title: 'NVMe controller',
  addressBits: 64,
  warning: 'the NVMe controller is reset, and again at the end; no I/O command is sent, so its data stays as it is',
  probe: ({ class: code }) => code === NVME_CLASS,
  async init(port, signal) {
    mustNotBeInUse(port);
    port.setBusMaster(true);
    const driver = new NvmeDriver(port);
    try {
      await driver.start(signal);
      return driver;
    } catch (error) {
      await driver.remove();
      throw error;
    }
  },
};

/** Makes sure that the kernel's driver is gone, and its block devices with it. */
function mustNotBeInUse({ sys, device: { address } }: DmaPort): void {
  if (sys.access(pciPath(address, 'nvme')) !== null) throw kernelDriverAttached(address, 'nvme');
}

class NvmeDriver implements DmaDriver {
  readonly maxLength = IDENTIFY_SIZE;
  readonly source = 'device';
  readonly checks: readonly Check[] = [
    { name: 'identity', run: () => this.#identity() },
    { name: 'completion-msix', run: (signal) => this.#completion(signal) },
    { name: 'read-unmapped', isolation: true, run: (signal) => this.#readUnmapped(signal) },
  ];
  readonly #port: DmaPort;
  readonly #registers: Registers;
  readonly #submissions: DmaBuffer;
  readonly #completions: DmaBuffer;
  #interrupts: IrqEventfds | null = null;
  /** Entries of the next command and of the next completion. */
  #tail = 0;
  #head = 0;
  /** Phase bit of a new completion. */
  #phase = 1;
  #commandId = 0;
  /** Set while the controller takes commands. */
  #ready = false;

  constructor(port: DmaPort) {
    this.#port = port;
    this.#registers = port.region('bar0');
    this.#submissions = mapped(port);
    this.#completions = mapped(port);
  }

  /** Brings the controller up from any state. */
  async start(signal: AbortSignal): Promise<void> {
    await this.#disable(signal);
    if (!this.#submissions.mapped) this.#submissions.map(READ_WRITE);
    if (this.#interrupts === null && this.#port.interruptCount('msix') > 0)
      // Before the controller is enabled: QEMU's signals no completions where it is done the other way round.
      this.#interrupts = this.#port.interrupt('msix', 0);
    this.#submissions.bytes.fill(0);
    this.#completions.bytes.fill(0);
    this.#tail = 0;
    this.#head = 0;
    this.#phase = 1;
    this.#write(AQA, ((QUEUE_ENTRIES - 1) << 16) | (QUEUE_ENTRIES - 1));
    this.#write64(ASQ, this.#submissions.iova);
    this.#write64(ACQ, this.#completions.iova);
    // The smallest page that the controller takes: the queues and the data are one each.
    const pageShift = (this.#read(CAP_HIGH) >>> 16) & 0xf;
    this.#write(CC, CC_ENTRY_SIZES | (pageShift << 7) | CC_ENABLE);
    const up = await until(() => (this.#read(CSTS) & (CSTS_READY | CSTS_FATAL)) !== 0, this.#patience(signal));
    if (!up || (this.#read(CSTS) & CSTS_FATAL) !== 0) throw this.#failed('did not become ready');
    this.#ready = true;
  }

  /** Runs Identify, which writes to the destination; the source is the controller itself. */
  async copy({ destination }: Copy, signal: AbortSignal): Promise<Completion> {
    if (!this.#ready) await this.start(signal);
    this.#submit(IDENTIFY, destination, CNS_CONTROLLER);
    const status = await this.#completed(signal);
    if (status !== null) return { completed: true, note: `status ${hex(status)}` };
    const fatal = (this.#read(CSTS) & CSTS_FATAL) !== 0;
    // A controller that does not answer, or reports a fatal status, is reset before the next command.
    await this.#disable(signal);
    return { completed: false, note: fatal ? 'fatal status, reset' : 'no completion, reset' };
  }

  recognize(bytes: Buffer): string | null {
    const vendor = hexDigits(bytes.readUInt16LE(VENDOR), 4);
    if (vendor !== this.#port.device.vendorId) return null;
    const text = ([start, end]: [number, number]) => bytes.toString('latin1', start, end).trim();
    return `it identifies itself as ${text(MODEL)}, serial ${text(SERIAL)}`;
  }

  async remove(): Promise<void> {
    try {
      await this.#disable();
    } finally {
      this.#interrupts?.close();
      this.#interrupts = null;
      this.#submissions.close();
      this.#completions.close();
    }
  }

  #identity(): Finding {
    const version = this.#read(0x08);
    const text = [version >>> 16, (version >>> 8) & 0xff, version & 0xff].join('.');
    return { verdict: 'pass', detail: `NVMe ${text}, ready` };
  }

  async #completion(signal: AbortSignal): Promise<Finding> {
    const interrupts = this.#interrupts;
    if (interrupts === null) return { verdict: 'skip', detail: 'the controller has no MSI-X' };
    return await this.#withData(async (data) => {
      interrupts.take();
      const { completed, note } = await this.copy({ source: 0n, destination: data.iova, length: data.length }, signal);
      const event = interrupts.take() ?? (await interrupts.next({ timeoutMs: 1000, signal }));
      if (!completed) return { verdict: 'fail', detail: `Identify did not complete: ${note}` };
      if (event === null) return { verdict: 'fail', detail: 'Identify completed, but no interrupt came' };
      return { verdict: 'pass', detail: `the end of Identify came as MSI-X vector ${event.vector}` };
    });
  }

  /**
   * Submits a command where the controller may not read: it must not be carried out, and the memory that it would have
   * written shows whether it was.
   */
  async #readUnmapped(signal: AbortSignal): Promise<Finding> {
    return await this.#withData(async (data) => {
      const run = async () => {
        data.bytes.fill(0xa5);
        const { note } = await this.copy({ source: 0n, destination: data.iova, length: data.length }, signal);
        return { done: !data.bytes.every((byte) => byte === 0xa5), note };
      };
      const before = await run();
      if (!before.done)
        return {
          verdict: 'inconclusive',
          detail: `the command was not carried out while it could be read: ${before.note}`,
        };
      this.#submissions.unmap();
      try {
        const { done, note } = await run();
        return done
          ? {
              verdict: 'fail',
              detail: `carried out a command that it must not read, at ${hex(this.#submissions.iova)}`,
            }
          : {
              verdict: 'pass',
              detail: `a command in a queue that is not mapped was not carried out; the device reports: ${note}`,
            };
      } finally {
        putBack(() => this.#submissions.map(READ_WRITE), signal);
      }
    });
  }

  async #withData(work: (data: DmaBuffer) => Promise<Finding>): Promise<Finding> {
    const data = mapped(this.#port);
    try {
      return await work(data);
    } finally {
      data.close();
    }
  }

  #submit(opcode: number, address: bigint, word10: number): void {
    this.#commandId = (this.#commandId + 1) & 0xffff;
    const entry = this.#submissions.bytes.subarray(this.#tail * SUBMISSION_SIZE, (this.#tail + 1) * SUBMISSION_SIZE);
    entry.fill(0);
    entry.writeUInt32LE(((this.#commandId << 16) | opcode) >>> 0, 0);
    entry.writeBigUInt64LE(address, 24);
    entry.writeUInt32LE(word10, 40);
    this.#tail = (this.#tail + 1) % QUEUE_ENTRIES;
    this.#write(DOORBELLS, this.#tail);
  }

  /** Returns the status of the last command, null if none came. */
  async #completed(signal: AbortSignal): Promise<number | null> {
    const entry = this.#completions.bytes.subarray(this.#head * COMPLETION_SIZE, (this.#head + 1) * COMPLETION_SIZE);
    const ended = () => (entry.readUInt16LE(14) & 1) === this.#phase || (this.#read(CSTS) & CSTS_FATAL) !== 0;
    const options = { timeoutMs: COMMAND_TIMEOUT_MS, everyMs: POLL_MS, signal };
    if (!(await until(ended, options)) || (entry.readUInt16LE(14) & 1) !== this.#phase) return null;
    const status = entry.readUInt16LE(14) >>> 1;
    const id = entry.readUInt16LE(12);
    this.#head = (this.#head + 1) % QUEUE_ENTRIES;
    if (this.#head === 0) this.#phase ^= 1;
    // The completion queue's doorbell is the second; CAP.DSTRD says how far they are apart.
    this.#write(DOORBELLS + (4 << (this.#read(CAP_HIGH) & 0xf)), this.#head);
    return id === this.#commandId ? status : null;
  }

  async #disable(signal?: AbortSignal): Promise<void> {
    this.#ready = false;
    const configuration = this.#read(CC);
    if ((configuration & CC_ENABLE) !== 0) this.#write(CC, (configuration & ~CC_ENABLE) >>> 0);
    if (!(await until(() => (this.#read(CSTS) & CSTS_READY) === 0, this.#patience(signal))))
      throw this.#failed('did not stop');
    // A moment for writes that are under way.
    await pause(POLL_MS, signal);
  }

  /** Returns the controller's own time limit for starting and stopping: CAP.TO, in units of 500 ms. */
  #patience(signal: AbortSignal | undefined): { timeoutMs: number; everyMs: number; signal: AbortSignal | undefined } {
    const timeout = (this.#read(CAP_LOW) >>> 24) * 500;
    return { timeoutMs: Math.max(timeout, 500), everyMs: POLL_MS, signal };
  }

  #failed(what: string): Error {
    const { address } = this.#port.device;
    const status = this.#read(CSTS).toString(16);
    return deviceFailed(address, `the controller ${what} (CSTS 0x${status})`, 'EIO', `udrv vfio reset ${address}`);
  }

  // In halves, as the specification allows for every register.
  #write64(offset: number, value: bigint): void {
    this.#write(offset, Number(value & 0xffffffffn));
    this.#write(offset + 4, Number(value >> 32n));
  }

  #write(offset: number, value: number): void {
    this.#registers.write(offset, 4, value);
  }

  #read(offset: number): number {
    return Number(this.#registers.read(offset, 4));
  }
}

/** Allocates a page that the controller may read and write. */
function mapped({ pool }: DmaPort): DmaBuffer {
  const buffer = pool.allocate(IDENTIFY_SIZE);
  buffer.map(READ_WRITE);
  return buffer;
}
