import { closedError, Exit, type ExitCode, UdrvError } from '../errors';
import { DmaRing, type DoneBit } from '../model/dma-ring';
import type { Registers } from '../model/registers';
import { type DmaBuffer, type DmaPool, type IrqEventfds, READ_WRITE, type VfioDevice } from '../vfio';

/**
 * A driver of Intel's 82574L over VFIO, which QEMU has as `e1000e`: one receive ring and one transmit ring, MSI-X or
 * polling. Intel 82574 GbE Controller Family Datasheet, sections 4.6 (software initialization), 7.1 and 7.2 (legacy
 * descriptors), 7.4 (interrupts), 10.2 (registers); drivers/net/ethernet/intel/e1000e of Linux for what the datasheet leaves out.
 */

/** Registers, in section 10.2's order. */
const CTRL = 0x0000;
const STATUS = 0x0008;
const CTRL_EXT = 0x0018;
const ICR = 0x00c0;
const ITR = 0x00c4;
const IMS = 0x00d0;
const IMC = 0x00d8;
const EIAC = 0x00dc;
const IAM = 0x00e0;
const IVAR = 0x00e4;
const EITR0 = 0x00e8;
const RCTL = 0x0100;
const TCTL = 0x0400;
const TIPG = 0x0410;
/** The registers of a ring: of receiving, and 0x1000 further on of transmitting. */
const RECEIVE_RING = 0x2800;
const TRANSMIT_RING = 0x3800;
const BASE_LOW = 0x00;
const BASE_HIGH = 0x04;
const LENGTH = 0x08;
const HEAD = 0x10;
const TAIL = 0x18;
const DELAY = 0x20;
const DESCRIPTOR_CONTROL = 0x28;
const ABSOLUTE_DELAY = 0x2c;
const CRCERRS = 0x4000;
const MPC = 0x4010;
const TORL = 0x40c0;
const TOTL = 0x40c8;
const TPR = 0x40d0;
const TPT = 0x40d4;
const COUNTERS = [CRCERRS, MPC, TORL, TORL + 4, TOTL, TOTL + 4, TPR, TPT];
const RXCSUM = 0x5000;
const RFCTL = 0x5008;
const MULTICAST_TABLE = 0x5200;
const RAL0 = 0x5400;
const RAH0 = 0x5404;
const MRQC = 0x5818;

const CTRL_MASTER_DISABLE = 1 << 2;
const CTRL_LINK_UP = 1 << 6;
const CTRL_FORCE = (1 << 11) | (1 << 12);
const CTRL_RESET = 1 << 26;
const CTRL_VLAN = 1 << 30;
const STATUS_FULL_DUPLEX = 1 << 0;
const STATUS_LINK_UP = 1 << 1;
const STATUS_MASTER_ENABLED = 1 << 19;
/** A message masks its own cause; what is unmasked is pending no more. */
const CTRL_EXT_MSIX = (1 << 24) | (1 << 31);
const ALL_CAUSES = 0xffff_ffff;
/** The cause of receive ring 0 where MSI-X is on. */
const CAUSE_RECEIVED = 1 << 20;
/** Vector 0 for receive ring 0. */
const IVAR_RECEIVED = 1 << 3;
const RCTL_ENABLE = 1 << 1;
const RCTL_PROMISCUOUS = (1 << 3) | (1 << 4);
const RCTL_BROADCAST = 1 << 15;
/** Packets come without their CRC. */
const RCTL_STRIP_CRC = 1 << 26;
const TCTL_ENABLE = 1 << 1;
const TCTL_PAD_SHORT = 1 << 3;
/** Collisions: 15 more tries, a distance of 64 bytes. They matter in half duplex alone. */
const TCTL_COLLISIONS = (15 << 4) | (0x40 << 12);
/** Gaps between packets, for copper: the values of the datasheet. */
const TIPG_COPPER = 8 | (8 << 10) | (6 << 20);
/** Write descriptors back one by one, counted in descriptors; bit 22 must be set in the transmit ring's. */
const WRITE_BACK_EACH = (1 << 16) | (1 << 24);
const TXDCTL_ALWAYS = 1 << 22;

const ENTRY = 16;
/** Words of a legacy descriptor: the address in two, the length with a checksum or the command, the status. */
const WORD_LENGTH = 2;
const WORD_STATUS = 3;
const DONE = 1 << 0;
const COMMAND_END_OF_PACKET = 1 << 24;
const COMMAND_INSERT_CRC = 1 << 25;
const COMMAND_REPORT_STATUS = 1 << 27;

const ENTRIES = 512;
/** Buffers for each entry of a ring: both rings full, and as many in batches. */
const BUFFERS_PER_ENTRY = 4;
const RESET_MS = 10;
const QUIET_MS = 1000;
const LINK_MS = 10_000;

export interface E1000eOptions {
  /** Entries of each ring, a multiple of 8, at most 4096. 512 if not given. One always stays free. */
  entries?: number | undefined;
  /** Those of another port, which then passes packets on to this one without copying. Its own if not given. */
  buffers?: PacketBuffers | undefined;
  /** Receives packets to all addresses, not to its own and to broadcast alone. */
  promiscuous?: boolean | undefined;
  /** Has {@link E1000e.wait} wait by MSI-X; otherwise, and where the device has none, it polls. */
  interrupts?: boolean | undefined;
}

export interface PacketWait {
  /** No bound if not given. */
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface E1000eLink {
  up: boolean;
  /** In Mb/s. */
  speed: 10 | 100 | 1000;
  fullDuplex: boolean;
}

/** Counts since the open. Bytes are those of whole frames, with their CRC. */
export interface E1000eStatistics {
  received: number;
  receivedBytes: number;
  sent: number;
  sentBytes: number;
  /** Packets for which no entry of the ring was free. */
  missed: number;
  crcErrors: number;
}

/** Packets that are passed on together: numbers of their buffers, and their lengths. */
export class PacketBatch {
  readonly buffers: Uint32Array;
  /** In bytes, without the CRC. */
  readonly lengths: Uint32Array;
  /** Packets in it, from the first on. */
  count = 0;

  /** @param size packets that it can hold */
  constructor(size: number) {
    this.buffers = new Uint32Array(size);
    this.lengths = new Uint32Array(size);
  }

  get size(): number {
    return this.buffers.length;
  }
}

/**
 * Buffers of a packet each, by their numbers: buffer `n` begins `n * PacketBuffers.SIZE` bytes into {@link bytes}. Each
 * has one owner: the free ones here, a port's ring, or who has it in a batch. Their memory goes with the last port that
 * has them; nobody may read or write it then.
 */
export class PacketBuffers {
  /** Bytes of each; longer packets than Ethernet's 1518 are not received. */
  static readonly SIZE = 2048;
  readonly bytes: Buffer;
  /** The same in words of 32 bits, in the processor's byte order; a packet's own numbers are big-endian. */
  readonly words: Uint32Array;
  readonly memory: DmaBuffer;
  readonly #free: Uint32Array;
  #count: number;

  /** @param memory mapped for nobody yet, which ports do for themselves */
  constructor(memory: DmaBuffer) {
    this.memory = memory;
    this.bytes = memory.bytes;
    this.words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, this.bytes.length / 4);
    this.#count = Math.floor(this.bytes.length / PacketBuffers.SIZE);
    this.#free = Uint32Array.from({ length: this.#count }, (_, i) => this.#count - 1 - i);
  }

  /** Buffers that are free. */
  get free(): number {
    return this.#count;
  }

  /** Takes a free buffer. @returns its number, -1 where there is none */
  takeOne(): number {
    return this.#count === 0 ? -1 : (this.#free[--this.#count] ?? -1);
  }

  giveOne(buffer: number): void {
    this.#free[this.#count++] = buffer;
  }

  /**
   * Adds free buffers to a batch, for packets to be written into them.
   *
   * @param length of the packets, in bytes
   * @param most packets that it has then
   * @returns how many it has then
   */
  take(batch: PacketBatch, length: number, most = batch.size): number {
    const { buffers, lengths } = batch;
    let count = batch.count;
    for (; count < most && this.#count > 0; count++) {
      buffers[count] = this.takeOne();
      lengths[count] = length;
    }
    batch.count = count;
    return count;
  }

  /** Takes the buffers out of a batch and makes them free: the packets are done with, or dropped. */
  give(batch: PacketBatch): void {
    const { buffers, count } = batch;
    for (let i = 0; i < count; i++) this.giveOne(buffers[i] ?? 0);
    batch.count = 0;
  }
}

/**
 * A port that is driven from here. {@link close} (or `await using`) stops it: no DMA is under way afterwards.
 *
 * Packets stay where the device has written them, and go by numbers in a {@link PacketBatch}: {@link receive} and
 * {@link send} allocate nothing.
 *
 * @example
 * using device = VfioDevice.open(sys, info);
 * await using port = await E1000e.open(device);
 * const batch = new PacketBatch(32);
 * port.receive(batch);
 * port.send(batch); // back to the sender
 * port.buffers.give(batch); // those for which there was no room
 */
export class E1000e {
  /** Address of the port, from its EEPROM: `52:54:00:12:34:56`. */
  readonly address: string;
  readonly buffers: PacketBuffers;
  readonly #port: E1000ePort;
  readonly #interrupts: IrqEventfds | null;
  readonly #receiving: DmaRing;
  readonly #sending: DmaRing;
  /** The buffer of each entry. */
  readonly #received: Uint32Array;
  readonly #sent: Uint32Array;
  /** The device's address of buffer 0: 32 bits, so that the high half of each address is 0, as it is at first. */
  readonly #base: number;
  readonly #statistics: E1000eStatistics;
  readonly #closing = new AbortController();
  #isClosed = false;

  private constructor(port: E1000ePort, address: string, irq: IrqEventfds | null, entries: number) {
    this.#port = port;
    this.address = address;
    this.#interrupts = irq;
    this.buffers = port.buffers;
    this.#base = port.bufferBase | 0;
    this.#received = new Uint32Array(entries);
    this.#sent = new Uint32Array(entries);
    const done = { word: WORD_STATUS, mask: DONE, flips: false };
    this.#receiving = port.ring(RECEIVE_RING, { entries, done });
    this.#sending = port.ring(TRANSMIT_RING, { entries, done: { ...done, perBatch: true } });
    while (this.#refill());
    this.#statistics = { received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, missed: 0, crcErrors: 0 };
  }

  /**
   * Takes a device, whatever state it is in, and makes its rings. The link comes up in a moment: {@link linkUp}.
   *
   * @throws exit 1 where the device does not answer
   */
  static async open(device: VfioDevice, options: E1000eOptions = {}): Promise<E1000e> {
    const { entries = ENTRIES, buffers, promiscuous = false, interrupts = true } = options;
    if (entries % 8 !== 0 || entries < 8 || entries > 4096)
      throw new RangeError(`${entries} entries are no multiple of 8, from 8 to 4096`);
    if (buffers !== undefined && buffers.free < entries)
      throw new RangeError(`${entries} entries need as many buffers`);
    const port = new E1000ePort(device, buffers, entries * BUFFERS_PER_ENTRY);
    let irq: IrqEventfds | null = null;
    try {
      await port.reset();
      const address = port.macAddress();
      if (interrupts && device.irq('msix').info.count > 0) irq = device.eventfds('msix');
      port.configure(irq !== null);
      const made = new E1000e(port, address, irq, entries);
      port.start(promiscuous);
      made.#receiving.submit();
      return made;
    } catch (error) {
      irq?.close();
      await port.close().catch(() => {});
      throw error;
    }
  }

  get link(): E1000eLink {
    this.#mustBeOpen();
    return this.#port.link();
  }

  /** Waits for the link. @throws exit 6 where it does not come up within 10 s */
  async linkUp(): Promise<void> {
    this.#mustBeOpen();
    await this.#port.until(() => this.#port.link().up, LINK_MS, 'has no link', Exit.timeout);
  }

  /**
   * Takes packets that have arrived, in order, into the free part of a batch. Their buffers are the caller's from then
   * on, until it sends them or gives them back; without free buffers packets stay in the ring.
   *
   * @returns how many
   */
  receive(batch: PacketBatch): number {
    if (this.#isClosed) return 0;
    const ring = this.#receiving;
    const { words } = ring;
    const { buffers, lengths } = batch;
    const before = batch.count;
    let count = before;
    while (count < buffers.length && this.buffers.free > 0) {
      const at = ring.peek();
      if (at < 0) break;
      buffers[count] = this.#received[at >> 2] ?? 0;
      lengths[count] = (words[at + WORD_LENGTH] ?? 0) & 0xffff;
      count++;
      ring.release();
      this.#refill();
    }
    batch.count = count;
    if (count > before) ring.submit();
    return count - before;
  }

  /**
   * Sends packets from the start of a batch, in order, by one write of the doorbell; those for which the ring has no room
   * stay in the batch. Short ones are padded, and each gets its CRC. The buffers of those that were sent are the port's,
   * which makes them free some time after.
   *
   * @returns how many
   */
  send(batch: PacketBatch): number {
    if (this.#isClosed) return 0;
    this.#reclaim();
    const ring = this.#sending;
    const { words } = ring;
    const { buffers, lengths } = batch;
    const { count } = batch;
    let sent = 0;
    let last = -1;
    for (; sent < count; sent++) {
      const at = ring.claim();
      if (at < 0) break;
      const buffer = buffers[sent] ?? 0;
      this.#sent[at >> 2] = buffer;
      words[at] = (this.#base + Math.imul(buffer, PacketBuffers.SIZE)) | 0;
      words[at + WORD_LENGTH] = (lengths[sent] ?? 0) | COMMAND_END_OF_PACKET | COMMAND_INSERT_CRC;
      words[at + WORD_STATUS] = 0;
      last = at;
    }
    if (last < 0) return 0;
    words[last + WORD_LENGTH] = (words[last + WORD_LENGTH] ?? 0) | COMMAND_REPORT_STATUS;
    ring.submit();
    for (let i = sent; i < count; i++) {
      buffers[i - sent] = buffers[i] ?? 0;
      lengths[i - sent] = lengths[i] ?? 0;
    }
    batch.count = count - sent;
    return sent;
  }

  /** Packets that were given to {@link send} and are not known to be sent yet. */
  get pending(): number {
    if (this.#isClosed) return 0;
    this.#reclaim();
    return this.#sending.entries - 1 - this.#sending.free;
  }

  /** Waits until a packet can be received. @returns false where the time was over before, or the signal aborted */
  async wait({ timeoutMs = Number.POSITIVE_INFINITY, signal }: PacketWait = {}): Promise<boolean> {
    const end = performance.now() + timeoutMs;
    const either = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    while (!this.#isClosed && this.#receiving.peek() < 0) {
      if (either.aborted || performance.now() >= end) return false;
      if (this.#interrupts === null) await new Promise<void>((resolve) => setImmediate(resolve));
      else await this.#port.interrupt(this.#interrupts, end, either);
    }
    return !this.#isClosed;
  }

  /** Reads the device's counters, which that clears, and returns their sums since the open. */
  statistics(): E1000eStatistics {
    this.#mustBeOpen();
    const sums = this.#statistics;
    const port = this.#port;
    sums.received += port.read(TPR);
    sums.receivedBytes += port.readWide(TORL);
    sums.sent += port.read(TPT);
    sums.sentBytes += port.readWide(TOTL);
    sums.missed += port.read(MPC);
    sums.crcErrors += port.read(CRCERRS);
    return { ...sums };
  }

  /** Stops the device and gives everything back, the buffers in its rings too. A second close does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closing.abort();
    try {
      await this.#port.close();
    } finally {
      this.#interrupts?.close();
    }
    this.#abandon(this.#receiving, this.#received);
    this.#abandon(this.#sending, this.#sent);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #mustBeOpen(): void {
    if (this.#isClosed) throw closedError('the port');
  }

  /** Gives the device a free buffer to receive into. @returns false where there is none, or no entry for it */
  #refill(): boolean {
    const ring = this.#receiving;
    if (ring.free === 0) return false;
    const buffer = this.buffers.takeOne();
    if (buffer < 0) return false;
    const at = ring.claim();
    this.#received[at >> 2] = buffer;
    ring.words[at] = (this.#base + Math.imul(buffer, PacketBuffers.SIZE)) | 0;
    ring.words[at + WORD_STATUS] = 0;
    return true;
  }

  /** Makes the buffers of packets that were sent free. */
  #reclaim(): void {
    const ring = this.#sending;
    for (let at = ring.peek(); at >= 0; at = ring.peek()) {
      this.buffers.giveOne(this.#sent[at >> 2] ?? 0);
      ring.release();
    }
  }

  /** Makes the buffers of a ring free that the device has no more. */
  #abandon(ring: DmaRing, buffers: Uint32Array): void {
    for (let at = ring.oldest; at >= 0; at = ring.oldest) {
      this.buffers.giveOne(buffers[at >> 2] ?? 0);
      ring.release();
    }
  }
}

/** The device's registers, and its memory. */
class E1000ePort {
  readonly buffers: PacketBuffers;
  /** The device's address of buffer 0. */
  readonly bufferBase: number;
  readonly #device: VfioDevice;
  readonly #registers: Registers;
  readonly #pool: DmaPool;

  constructor(device: VfioDevice, shared: PacketBuffers | undefined, buffers: number) {
    this.#device = device;
    this.#registers = device.region('bar0');
    this.#pool = device.pool({ addressBits: 32 });
    const memory =
      shared === undefined ? this.#pool.allocate(buffers * PacketBuffers.SIZE) : this.#pool.share(shared.memory);
    memory.map(READ_WRITE);
    this.bufferBase = Number(memory.iova);
    this.buffers = shared ?? new PacketBuffers(memory);
  }

  /** Resets the device: section 4.6.2, with the waits of Linux, e1000_reset_hw_82571(). */
  async reset(): Promise<void> {
    await this.#quieten();
    this.#write(CTRL, this.read(CTRL) | CTRL_RESET);
    await new Promise<void>((resolve) => setTimeout(resolve, RESET_MS));
    await this.until(() => (this.read(CTRL) & CTRL_RESET) === 0, QUIET_MS, 'did not reset');
    this.#write(IMC, ALL_CAUSES);
    // Reading clears them. QEMU's reset leaves the counters.
    for (const register of [ICR, ...COUNTERS]) this.read(register);
  }

  /** Reads the address that the reset has taken from the EEPROM. */
  macAddress(): string {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32LE(this.read(RAL0), 0);
    bytes.writeUInt32LE(this.read(RAH0), 4);
    return [...bytes.subarray(0, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  }

  /** Sets all but the rings: sections 4.6.3 to 4.6.6, and registers that QEMU's reset leaves as they were. */
  configure(interrupts: boolean): void {
    this.#write(CTRL, (this.read(CTRL) & ~(CTRL_MASTER_DISABLE | CTRL_FORCE | CTRL_VLAN)) | CTRL_LINK_UP);
    for (const register of [RFCTL, MRQC, RXCSUM, ITR, EITR0]) this.#write(register, 0);
    for (let i = 0; i < 128; i++) this.#write(MULTICAST_TABLE + 4 * i, 0);
    this.#write(TIPG, TIPG_COPPER);
    this.#write(CTRL_EXT, interrupts ? CTRL_EXT_MSIX : 0);
    this.#write(IVAR, interrupts ? IVAR_RECEIVED : 0);
    for (const register of [EIAC, IAM]) this.#write(register, interrupts ? CAUSE_RECEIVED : 0);
  }

  /** Makes a ring of legacy descriptors. */
  ring(at: number, { entries, done }: { entries: number; done: DoneBit }): DmaRing {
    const memory = this.#pool.allocate(entries * ENTRY);
    memory.map(READ_WRITE);
    this.#write(at + BASE_LOW, Number(memory.iova));
    this.#write(at + BASE_HIGH, 0);
    this.#write(at + LENGTH, entries * ENTRY);
    for (const register of [HEAD, TAIL, DELAY, ABSOLUTE_DELAY]) this.#write(at + register, 0);
    this.#write(at + DESCRIPTOR_CONTROL, WRITE_BACK_EACH | (at === TRANSMIT_RING ? TXDCTL_ALWAYS : 0));
    const doorbell = this.#registers.writer(at + TAIL, 4);
    return new DmaRing({ bytes: memory.bytes, entries, entrySize: ENTRY, doorbell, done });
  }

  start(promiscuous: boolean): void {
    this.#device.setBusMaster(true);
    this.#write(TCTL, TCTL_ENABLE | TCTL_PAD_SHORT | TCTL_COLLISIONS);
    this.#write(RCTL, RCTL_ENABLE | RCTL_BROADCAST | RCTL_STRIP_CRC | (promiscuous ? RCTL_PROMISCUOUS : 0));
  }

  link(): E1000eLink {
    const status = this.read(STATUS);
    const speed = (status >>> 6) & 3;
    return {
      up: (status & STATUS_LINK_UP) !== 0,
      speed: speed === 0 ? 10 : speed === 1 ? 100 : 1000,
      fullDuplex: (status & STATUS_FULL_DUPLEX) !== 0,
    };
  }

  /** Unmasks the interrupt, which comes at once for a packet that is there already, and waits for it. */
  async interrupt(irq: IrqEventfds, end: number, signal: AbortSignal): Promise<void> {
    this.#write(IMS, CAUSE_RECEIVED);
    await irq.next({ signal, ...(Number.isFinite(end) && { timeoutMs: Math.max(0, end - performance.now()) }) });
  }

  /** Stops the device; its memory goes once it is quiet. */
  async close(): Promise<void> {
    try {
      await this.#quieten();
    } finally {
      this.#device.setBusMaster(false);
      this.#pool.close();
    }
  }

  read(offset: number): number {
    return Number(this.#registers.read(offset, 4));
  }

  /** Reads a counter of 64 bits, which the read of its high half clears. */
  readWide(offset: number): number {
    const low = this.read(offset);
    return low + this.read(offset + 4) * 0x1_0000_0000;
  }

  async until(isTrue: () => boolean, ms: number, failure: string, exit: ExitCode = Exit.failed): Promise<void> {
    const end = performance.now() + ms;
    while (!isTrue()) {
      if (performance.now() > end) throw this.#failed(failure, exit);
      await new Promise<void>((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Stops rings and interrupts, and waits for accesses to memory that are under way (GIO Master Disable). */
  async #quieten(): Promise<void> {
    this.#write(IMC, ALL_CAUSES);
    this.#write(RCTL, 0);
    this.#write(TCTL, 0);
    this.#write(CTRL, this.read(CTRL) | CTRL_MASTER_DISABLE);
    await this.until(() => (this.read(STATUS) & STATUS_MASTER_ENABLED) === 0, QUIET_MS, 'did not stop');
  }

  #write(offset: number, value: number): void {
    this.#registers.write(offset, 4, value >>> 0);
  }

  #failed(what: string, exit: ExitCode): UdrvError {
    const { address } = this.#device.info;
    return new UdrvError(`the device ${what} (STATUS 0x${this.read(STATUS).toString(16)})`, {
      code: exit === Exit.timeout ? 'ETIMEDOUT' : 'EIO',
      exit,
      subject: address,
      hint: `udrv vfio reset ${address}`,
      device: address,
    });
  }
}
