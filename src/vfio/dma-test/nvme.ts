import { DmaRing } from '../../model/dma-ring';
import { NVME_CQ_ENTRY, NVME_IDENTIFY, NVME_SQ_ENTRY, NvmeRegisters } from '../../model/nvme-registers';
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
 * memory and touches no data. No I/O queue is made, so no I/O command can be sent. NVM Express Base Specification 2.0,
 * section 5.17 (Identify).
 *
 * This is not the driver of `src/drivers/nvme.ts`, which takes its memory from its controller last. Here it is taken
 * while the controller works: the queue itself is unmapped, a command that never ends is a result and no error, and
 * each wait ends with the signal. Registers and ring are the same.
 */
const QUEUE_ENTRIES = 16;
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
  readonly #registers: NvmeRegisters;
  readonly #submissions: DmaBuffer;
  readonly #completions: DmaBuffer;
  #interrupts: IrqEventfds | null = null;
  /** Set while the controller takes commands. */
  #queues: { submissions: DmaRing; completions: DmaRing } | undefined;
  #commandId = 0;

  constructor(port: DmaPort) {
    this.#port = port;
    this.#registers = new NvmeRegisters(port.region('bar0'));
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
    this.#registers.enable({
      entries: QUEUE_ENTRIES,
      submissions: this.#submissions.iova,
      completions: this.#completions.iova,
    });
    const ended = () => this.#registers.isReady || this.#registers.isFatal;
    if (!(await until(ended, this.#patience(signal))) || this.#registers.isFatal)
      throw this.#failed('did not become ready');
    this.#queues = {
      submissions: new DmaRing({
        bytes: this.#submissions.bytes,
        entries: QUEUE_ENTRIES,
        entrySize: NVME_SQ_ENTRY,
        doorbell: this.#registers.doorbell(0),
      }),
      completions: new DmaRing({
        bytes: this.#completions.bytes,
        entries: QUEUE_ENTRIES,
        entrySize: NVME_CQ_ENTRY,
        doorbell: this.#registers.doorbell(1),
        done: { word: 3, mask: 0x1_0000, flips: true },
      }),
    };
  }

  /** Runs Identify, which writes to the destination; the source is the controller itself. */
  async copy({ destination }: Copy, signal: AbortSignal): Promise<Completion> {
    if (this.#queues === undefined) await this.start(signal);
    const status = await this.#identify(destination, signal);
    if (status !== null) return { completed: true, note: `status ${hex(status)}` };
    const fatal = this.#registers.isFatal;
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
    const { version } = this.#registers;
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

  /** Runs Identify. @returns its status, null where it did not end */
  async #identify(destination: bigint, signal: AbortSignal): Promise<number | null> {
    if (this.#queues === undefined) throw new RangeError('the controller is not started');
    const { submissions, completions } = this.#queues;
    this.#commandId = (this.#commandId + 1) & 0xffff;
    const at = submissions.claim();
    submissions.words[at] = (this.#commandId << 16) | NVME_IDENTIFY;
    submissions.words[at + 6] = Number(destination & 0xffff_ffffn);
    submissions.words[at + 7] = Number(destination >> 32n);
    submissions.words[at + 10] = CNS_CONTROLLER;
    submissions.submit();
    const ended = () => completions.peek() >= 0 || this.#registers.isFatal;
    if (!(await until(ended, { timeoutMs: COMMAND_TIMEOUT_MS, everyMs: POLL_MS, signal }))) return null;
    const entry = completions.peek();
    if (entry < 0) return null;
    const last = completions.words[entry + 3] ?? 0;
    completions.release();
    completions.acknowledge();
    submissions.release();
    return (last & 0xffff) === this.#commandId ? last >>> 17 : null;
  }

  async #disable(signal?: AbortSignal): Promise<void> {
    this.#queues = undefined;
    this.#registers.disable();
    if (!(await until(() => !this.#registers.isReady, this.#patience(signal)))) throw this.#failed('did not stop');
    // A moment for writes that are under way.
    await pause(POLL_MS, signal);
  }

  #patience(signal: AbortSignal | undefined): { timeoutMs: number; everyMs: number; signal: AbortSignal | undefined } {
    return { timeoutMs: Math.max(this.#registers.timeoutMs, 500), everyMs: POLL_MS, signal };
  }

  #failed(what: string): Error {
    const { address } = this.#port.device;
    const status = this.#registers.status.toString(16);
    return deviceFailed(address, `the controller ${what} (CSTS 0x${status})`, 'EIO', `udrv vfio reset ${address}`);
  }
}

/** Allocates a page that the controller may read and write. */
function mapped({ pool }: DmaPort): DmaBuffer {
  const buffer = pool.allocate(IDENTIFY_SIZE);
  buffer.map(READ_WRITE);
  return buffer;
}
