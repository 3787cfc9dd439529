import { closedError, Exit, UdrvError } from '../errors';
import { DmaRing } from '../model/dma-ring';
import { NVME_CQ_ENTRY, NVME_IDENTIFY, NVME_SQ_ENTRY, NvmeRegisters } from '../model/nvme-registers';
import { type DmaBuffer, type DmaPool, type IrqEventfds, READ_WRITE, type VfioDevice } from '../vfio';

/**
 * A driver of NVMe controllers over VFIO: admin queue, I/O queues, reads, writes and flushes. NVM Express Base
 * Specification 2.0, sections 3.1 (registers), 3.3 (queues), 3.5 (initialization) and 5 (admin commands); NVM Command Set
 * Specification 1.0, section 3.2 (Read, Write, Flush).
 */

/** Opcodes. */
const CREATE_SQ = 0x01;
const GET_LOG_PAGE = 0x02;
const CREATE_CQ = 0x05;
const SET_FEATURES = 0x09;
const NUMBER_OF_QUEUES = 0x07;
const SMART_LOG = 0x02;
const FLUSH = 0x00;
const WRITE = 0x01;
const READ = 0x02;

const PAGE = 4096;
const ADMIN_ENTRIES = 32;
/** PRP entries of one list page. */
const LIST_ENTRIES = PAGE / 8;
const ALL_NAMESPACES = 0xffff_ffff;
const COMMAND_TIMEOUT_MS = 10_000;
/** Blocks of one command: a field of 16 bits, one less. */
const MOST_BLOCKS = 0x1_0000;

export interface NvmeOptions {
  /** I/O queues. 1 if not given; fewer where the controller has fewer. */
  queues?: number | undefined;
  /** Entries of a queue. 64 if not given; fewer where the controller takes fewer. One always stays free. */
  depth?: number | undefined;
  /** Completions by MSI-X; otherwise, and where the controller has none, they are polled. */
  interrupts?: boolean | undefined;
}

export interface NvmeController {
  model: string;
  serial: string;
  firmware: string;
  /** Bytes of the longest transfer. */
  maxTransfer: number;
  namespaces: number;
}

export interface NvmeNamespace {
  id: number;
  blocks: number;
  /** In bytes. */
  blockSize: number;
}

/** SMART / Health Information, section 5.16.1.3. */
export interface NvmeHealth {
  /** Bits of what is wrong: spare, temperature, reliability, read-only, backup. */
  warnings: number;
  celsius: number;
  /** In percent. */
  spare: number;
  used: number;
  powerOnHours: bigint;
  unsafeShutdowns: bigint;
  mediaErrors: bigint;
}

/** Returns the upper 32 bits, without a division where they are 0: until code is optimized, each fraction is an object. */
const high = (value: number): number => (value <= 0x7fff_ffff ? 0 : Math.floor(value / 0x1_0000_0000));

/**
 * Called for each command that ended.
 *
 * @param status 0: well; else the status field without its phase bit
 * @param result the first word of the completion, for commands that have one
 */
export type OnCompletion = (command: number, status: number, result: number) => void;

/**
 * A pair of queues. {@link submit} commands, {@link ring} once for all of them, {@link reap} what has ended: nothing is
 * allocated in any of them, and what they take is numbers.
 */
export class NvmeQueue {
  readonly id: number;
  readonly #submissions: DmaRing;
  readonly #completions: DmaRing;
  /** Numbers of commands that are free, a stack. */
  readonly #idle: Uint16Array;
  #idleCount: number;
  #isClosed = false;
  /** Whether there are commands that were not sent. */
  #isFilled = false;
  /** A page of PRP entries for each command. */
  readonly #lists: Uint32Array;
  readonly #listsAt: number;

  /** @param depth at most 65,535, and no more than the controller takes */
  constructor(id: number, depth: number, memory: NvmeQueueMemory, registers: Pick<NvmeRegisters, 'doorbell'>) {
    this.id = id;
    const { submissions, completions, lists } = memory;
    this.#submissions = new DmaRing({
      bytes: submissions.bytes,
      entries: depth,
      entrySize: NVME_SQ_ENTRY,
      doorbell: registers.doorbell(2 * id),
    });
    this.#completions = new DmaRing({
      bytes: completions.bytes,
      entries: depth,
      entrySize: NVME_CQ_ENTRY,
      doorbell: registers.doorbell(2 * id + 1),
      done: { word: 3, mask: 0x1_0000, flips: true },
    });
    this.#idle = Uint16Array.from({ length: depth - 1 }, (_, i) => depth - 2 - i);
    this.#idleCount = depth - 1;
    this.#lists = new Uint32Array(lists.bytes.buffer, lists.bytes.byteOffset, lists.bytes.length / 4);
    this.#listsAt = Number(lists.iova);
  }

  /** Commands that can be submitted now. */
  get free(): number {
    return this.#idleCount;
  }

  get pending(): number {
    return this.#idle.length - this.#idleCount;
  }

  /**
   * Writes a command; {@link ring} sends it.
   *
   * @param iova of the data, a multiple of 4; 0 for a command without
   * @param length of the data in bytes, at most {@link NvmeController.maxTransfer}
   * @returns its number, by which its end is told; -1 where the queue is full
   */
  submit(opcode: number, namespace: number, iova: number, length: number, word10 = 0, word11 = 0, word12 = 0): number {
    if (this.#idleCount === 0) return -1;
    const at = this.#submissions.claim();
    const command = this.#idle[--this.#idleCount] ?? 0;
    this.#isFilled = true;
    const { words } = this.#submissions;
    words[at] = opcode | (command << 16);
    words[at + 1] = namespace;
    words[at + 6] = iova;
    words[at + 7] = high(iova);
    const second = this.#secondPrp(command, iova, length);
    words[at + 8] = second;
    words[at + 9] = high(second);
    words[at + 10] = word10;
    words[at + 11] = word11;
    words[at + 12] = word12;
    return command;
  }

  /** Reads blocks into memory; see {@link submit}. @param count from 1 */
  read(namespace: number, block: number, count: number, iova: number, length: number): number {
    return this.submit(READ, namespace, iova, length, block, high(block), count - 1);
  }

  /** Writes blocks from memory; see {@link submit}. @param count from 1 */
  write(namespace: number, block: number, count: number, iova: number, length: number): number {
    return this.submit(WRITE, namespace, iova, length, block, high(block), count - 1);
  }

  /** Makes what was written last: the answer comes once it is on the medium. */
  flush(namespace: number): number {
    return this.submit(FLUSH, namespace, 0, 0);
  }

  /** Sends what was submitted, by one write of the doorbell: the same value twice is an error, section 5.2. */
  ring(): void {
    if (this.#isClosed || !this.#isFilled) return;
    this.#isFilled = false;
    this.#submissions.submit();
  }

  /** Takes no more commands: its memory goes. */
  close(): void {
    this.#isClosed = true;
    this.#idleCount = 0;
  }

  /** Takes the commands that have ended. @returns how many */
  reap(onCompletion: OnCompletion): number {
    if (this.#isClosed) return 0;
    const { words } = this.#completions;
    let count = 0;
    for (let at = this.#completions.peek(); at >= 0; at = this.#completions.peek()) {
      const last = words[at + 3] ?? 0;
      const command = last & 0xffff;
      const result = words[at] ?? 0;
      this.#completions.release();
      // The controller has read an entry for each command that has ended.
      this.#submissions.release();
      this.#idle[this.#idleCount++] = command;
      count++;
      onCompletion(command, last >>> 17, result);
    }
    if (count > 0) this.#completions.acknowledge();
    return count;
  }

  /**
   * Returns the second PRP entry of a transfer: nothing, the second page, or a list of all pages but the first. Section 4.1.1.
   */
  #secondPrp(command: number, iova: number, length: number): number {
    const firstLength = PAGE - (iova % PAGE);
    if (length <= firstLength) return 0;
    let page = iova + firstLength;
    if (length <= firstLength + PAGE) return page;
    const pages = Math.ceil((length - firstLength) / PAGE);
    let at = command * 2 * LIST_ENTRIES;
    for (let i = 0; i < pages; i++) {
      this.#lists[at++] = page;
      this.#lists[at++] = high(page);
      page += PAGE;
    }
    return this.#listsAt + command * PAGE;
  }
}

/** The memory of a queue: mapped for the device, which reads the first and the last and writes the second. */
export interface NvmeQueueMemory {
  submissions: DmaBuffer;
  completions: DmaBuffer;
  lists: DmaBuffer;
}

/** A command that somebody waits for. */
interface Waiter {
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * An NVMe controller that is driven from here. {@link close} (or `await using`) stops it: no DMA is under way afterwards.
 *
 * @example
 * using device = VfioDevice.open(sys, info);
 * await using disk = await Nvme.open(device);
 * const buffer = disk.allocate(4096);
 * await disk.read(buffer, 0, 8);
 */
export class Nvme {
  readonly controller: NvmeController;
  /** I/O queues, for what has to be fast. Commands that are submitted here directly are reaped here directly. */
  readonly queues: readonly NvmeQueue[];
  readonly #port: NvmePort;
  readonly #interrupts: IrqEventfds | null;
  readonly #namespaces = new Map<number, NvmeNamespace>();
  /** By queue and command. */
  readonly #waiters = new Map<number, Waiter>();
  readonly #onCompletion: readonly OnCompletion[];
  readonly #closing = new AbortController();
  readonly #watching: Promise<void>;
  #isPolling = false;

  private constructor(
    port: NvmePort,
    controller: NvmeController,
    queues: readonly NvmeQueue[],
    irq: IrqEventfds | null,
  ) {
    this.#port = port;
    this.controller = controller;
    this.queues = queues;
    this.#interrupts = irq;
    this.#onCompletion = queues.map(
      ({ id }) =>
        (command, status) =>
          this.#complete(id, command, status),
    );
    this.#watching = irq === null ? Promise.resolve() : this.#watch(irq);
  }

  /**
   * Takes a controller, whatever state it is in, and makes its I/O queues.
   *
   * @throws exit 1 where it does not start, or refuses a command
   */
  static async open(device: VfioDevice, options: NvmeOptions = {}): Promise<Nvme> {
    const { queues: wanted = 1, depth = 64, interrupts = true } = options;
    const port = new NvmePort(device);
    let irq: IrqEventfds | null = null;
    try {
      const vectors = device.irq('msix').info.count;
      await port.disable();
      // Before the controller is enabled: QEMU's signals no completions where it is done the other way round.
      if (interrupts && vectors > 1) irq = device.eventfds('msix', { first: 0, last: Math.min(wanted, vectors - 1) });
      const controller = await port.enable();
      const queues: NvmeQueue[] = [];
      const count = await port.reserveQueues(wanted);
      for (let id = 1; id <= count; id++)
        queues.push(await port.createQueue(id, depth, irq === null ? null : 1 + ((id - 1) % (vectors - 1))));
      return new Nvme(port, controller, queues, irq);
    } catch (error) {
      await port.close().catch(() => {});
      irq?.close();
      throw error;
    }
  }

  /** Allocates memory for transfers, which the device may read and write. The close gives it back. */
  allocate(length: number): DmaBuffer {
    this.#mustBeOpen();
    return this.#port.allocate(length);
  }

  /** @throws exit 3 where the controller has none of this number */
  async namespace(id = 1): Promise<NvmeNamespace> {
    this.#mustBeOpen();
    let namespace = this.#namespaces.get(id);
    if (namespace === undefined) {
      namespace = await this.#port.identifyNamespace(id);
      this.#namespaces.set(id, namespace);
    }
    return namespace;
  }

  async health(): Promise<NvmeHealth> {
    this.#mustBeOpen();
    return await this.#port.health();
  }

  /** Reads blocks. @param offset in the buffer, in bytes, a multiple of 4 */
  async read(buffer: DmaBuffer, block: number, count: number, { namespace = 1, offset = 0 } = {}): Promise<void> {
    const [iova, length] = await this.#span(buffer, block, count, namespace, offset);
    await this.#run((queue) => queue.read(namespace, block, count, iova, length));
  }

  /** Writes blocks. @param offset in the buffer, in bytes, a multiple of 4 */
  async write(buffer: DmaBuffer, block: number, count: number, { namespace = 1, offset = 0 } = {}): Promise<void> {
    const [iova, length] = await this.#span(buffer, block, count, namespace, offset);
    await this.#run((queue) => queue.write(namespace, block, count, iova, length));
  }

  /** Waits until what was written is on the medium. */
  async flush(namespace = 1): Promise<void> {
    await this.#run((queue) => queue.flush(namespace));
  }

  /** Stops the controller and gives everything back. A second close does nothing. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const { reject } of this.#waiters.values()) reject(this.#port.failed('was closed before the command ended'));
    this.#waiters.clear();
    for (const queue of this.queues) queue.close();
    try {
      await this.#watching;
    } finally {
      await this.#port.close();
      this.#interrupts?.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw closedError('the controller');
  }

  /** Checks a transfer. @returns the address of its data, and the length in bytes */
  async #span(
    buffer: DmaBuffer,
    block: number,
    count: number,
    namespace: number,
    offset: number,
  ): Promise<[iova: number, length: number]> {
    const { blocks, blockSize } = await this.namespace(namespace);
    const length = count * blockSize;
    if (![block, count].every(Number.isSafeInteger) || block < 0 || count < 1 || block + count > blocks)
      throw new RangeError(`${count} blocks from ${block} are not among the ${blocks} of the namespace`);
    if (length > this.controller.maxTransfer || count > MOST_BLOCKS)
      throw new RangeError(`${length} bytes are more than a command moves: ${this.controller.maxTransfer}`);
    if (!Number.isSafeInteger(offset) || offset < 0 || offset % 4 !== 0 || offset + length > buffer.length)
      throw new RangeError(`${length} bytes from ${offset} are not inside of the buffer, which has ${buffer.length}`);
    return [Number(buffer.iova) + offset, length];
  }

  /** Submits a command to the queue with the most room, and waits for its end. */
  async #run(submit: (queue: NvmeQueue) => number): Promise<void> {
    for (;;) {
      this.#mustBeOpen();
      const queue = this.queues.reduce((best, one) => (one.free > best.free ? one : best));
      const command = submit(queue);
      if (command < 0) {
        this.#reap();
        await new Promise<void>((resolve) => setImmediate(resolve));
        continue;
      }
      queue.ring();
      await this.#end(queue.id, command);
      return;
    }
  }

  async #end(queue: number, command: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiters.set(key(queue, command), { resolve, reject });
        timer = setTimeout(() => {
          this.#waiters.delete(key(queue, command));
          reject(this.#port.failed('did not answer'));
        }, COMMAND_TIMEOUT_MS);
        if (this.#interrupts === null) void this.#poll();
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #complete(queue: number, command: number, status: number): void {
    const waiter = this.#waiters.get(key(queue, command));
    this.#waiters.delete(key(queue, command));
    if (status === 0) waiter?.resolve();
    else waiter?.reject(this.#port.refused('a command', status));
  }

  #reap(): void {
    for (const [i, queue] of this.queues.entries()) queue.reap(this.#onCompletion[i] as OnCompletion);
  }

  async #watch(irq: IrqEventfds): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const event = await irq.next({ signal });
      if (event === null) return;
      this.#reap();
    }
  }

  /** Looks for completions as long as somebody waits. */
  async #poll(): Promise<void> {
    if (this.#isPolling) return;
    this.#isPolling = true;
    while (this.#waiters.size > 0) {
      this.#reap();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#isPolling = false;
  }
}

const key = (queue: number, command: number) => queue * 0x1_0000 + command;

/** The controller's registers and its admin queue. */
class NvmePort {
  readonly #device: VfioDevice;
  readonly #registers: NvmeRegisters;
  readonly #pool: DmaPool;
  readonly #memory: NvmeQueueMemory;
  /** For the data of admin commands. */
  readonly #page: DmaBuffer;
  readonly #admin: NvmeQueue;

  constructor(device: VfioDevice) {
    this.#device = device;
    this.#registers = new NvmeRegisters(device.region('bar0'));
    this.#pool = device.pool();
    this.#memory = this.#queueMemory(ADMIN_ENTRIES);
    this.#page = this.allocate(PAGE);
    this.#admin = new NvmeQueue(0, ADMIN_ENTRIES, this.#memory, this.#registers);
  }

  allocate(length: number): DmaBuffer {
    const buffer = this.#pool.allocate(length);
    buffer.map(READ_WRITE);
    return buffer;
  }

  async disable(): Promise<void> {
    this.#registers.disable();
    await this.#until(() => !this.#registers.isReady, 'did not stop');
  }

  /** Starts the controller with its admin queue. */
  async enable(): Promise<NvmeController> {
    this.#device.setBusMaster(true);
    if (this.#registers.pageSize > PAGE) throw this.failed(`takes no pages of ${PAGE} bytes`);
    const { submissions, completions } = this.#memory;
    this.#registers.enable({
      entries: ADMIN_ENTRIES,
      submissions: submissions.iova,
      completions: completions.iova,
    });
    await this.#until(() => this.#registers.isReady || this.#registers.isFatal, 'did not become ready');
    if (this.#registers.isFatal) throw this.failed('did not become ready');
    await this.#command(NVME_IDENTIFY, 0, PAGE, 1);
    const { bytes } = this.#page;
    const text = (start: number, end: number) => bytes.toString('latin1', start, end).trim();
    const mdts = bytes[77] ?? 0;
    const most = LIST_ENTRIES * PAGE;
    return {
      model: text(24, 64),
      serial: text(4, 24),
      firmware: text(64, 72),
      maxTransfer: mdts === 0 ? most : Math.min(most, PAGE * 2 ** mdts),
      namespaces: bytes.readUInt32LE(516),
    };
  }

  /** Asks for I/O queues. @returns how many there are */
  async reserveQueues(count: number): Promise<number> {
    const granted = await this.#command(SET_FEATURES, 0, 0, NUMBER_OF_QUEUES, (count - 1) * 0x1_0001);
    return Math.min(count, (granted & 0xffff) + 1, (granted >>> 16) + 1);
  }

  /** @param vector of its interrupt; null: none */
  async createQueue(id: number, wanted: number, vector: number | null): Promise<NvmeQueue> {
    const depth = Math.max(2, Math.min(wanted, this.#registers.maxEntries));
    const memory = this.#queueMemory(depth);
    const size = ((depth - 1) << 16) | id;
    const flags = vector === null ? 1 : 3 | (vector << 16);
    await this.#command(CREATE_CQ, 0, PAGE, size, flags, Number(memory.completions.iova));
    await this.#command(CREATE_SQ, 0, PAGE, size, 1 | (id << 16), Number(memory.submissions.iova));
    return new NvmeQueue(id, depth, memory, this.#registers);
  }

  async identifyNamespace(id: number): Promise<NvmeNamespace> {
    await this.#command(NVME_IDENTIFY, id, PAGE, 0);
    const { bytes } = this.#page;
    const format = bytes.readUInt32LE(128 + 4 * ((bytes[26] ?? 0) & 0xf));
    const namespace = { id, blocks: Number(bytes.readBigUInt64LE(0)), blockSize: 2 ** ((format >>> 16) & 0xff) };
    if (namespace.blocks > 0) return namespace;
    const subject = this.#device.info.address;
    throw new UdrvError(`has no namespace ${id}`, { code: 'ENOENT', exit: Exit.notFound, subject });
  }

  async health(): Promise<NvmeHealth> {
    await this.#command(GET_LOG_PAGE, ALL_NAMESPACES, PAGE, SMART_LOG | ((512 / 4 - 1) << 16));
    const { bytes } = this.#page;
    return {
      warnings: bytes[0] ?? 0,
      celsius: bytes.readUInt16LE(1) - 273,
      spare: bytes[3] ?? 0,
      used: bytes[5] ?? 0,
      powerOnHours: bytes.readBigUInt64LE(128),
      unsafeShutdowns: bytes.readBigUInt64LE(144),
      mediaErrors: bytes.readBigUInt64LE(160),
    };
  }

  /** Stops the controller; its memory goes once it is quiet. */
  async close(): Promise<void> {
    try {
      await this.disable();
    } finally {
      this.#device.setBusMaster(false);
      this.#pool.close();
    }
  }

  failed(what: string): UdrvError {
    const hint = `udrv vfio reset ${this.#device.info.address}`;
    return this.#error(`${what} (CSTS 0x${this.#registers.status.toString(16)})`, hint);
  }

  /** @param status the status field: type in bits 10 to 8, code below; section 3.3.3.2.1 */
  refused(what: string, status: number): UdrvError {
    const code = (status & 0xff).toString(16).padStart(2, '0');
    return this.#error(`ended ${what} with status type ${(status >>> 8) & 7}, code 0x${code}`);
  }

  #error(what: string, hint?: string): UdrvError {
    const { address } = this.#device.info;
    const details = { code: 'EIO', exit: Exit.failed, subject: address, device: address };
    return new UdrvError(`the controller ${what}`, { ...details, hint });
  }

  /** Runs an admin command with the page, or with memory of its own, and returns its result. */
  async #command(
    opcode: number,
    namespace: number,
    length: number,
    word10: number,
    word11 = 0,
    iova = Number(this.#page.iova),
  ): Promise<number> {
    const command = this.#admin.submit(opcode, namespace, length === 0 ? 0 : iova, length, word10, word11);
    this.#admin.ring();
    let status = -1;
    let result = 0;
    const onCompletion: OnCompletion = (ended, ...answer) => {
      if (ended === command) [status, result] = answer;
    };
    const isEnded = () => {
      this.#admin.reap(onCompletion);
      return status >= 0 || this.#registers.isFatal;
    };
    await this.#until(isEnded, 'did not answer');
    if (status < 0) throw this.failed('stopped');
    if (status > 0) throw this.refused(`admin command 0x${opcode.toString(16)}`, status);
    return result;
  }

  #queueMemory(depth: number): NvmeQueueMemory {
    return {
      submissions: this.allocate(depth * NVME_SQ_ENTRY),
      completions: this.allocate(depth * NVME_CQ_ENTRY),
      lists: this.allocate(depth * PAGE),
    };
  }

  /** Waits as long as the controller may take to start or stop, and 2 s at least. */
  async #until(isTrue: () => boolean, failure: string): Promise<void> {
    const end = performance.now() + Math.max(this.#registers.timeoutMs, 2000);
    while (!isTrue()) {
      if (performance.now() > end) throw this.failed(failure);
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
    }
  }
}
