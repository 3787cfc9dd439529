import type { Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { bytewise, type SimRegion, toWord } from '../hardware/region';
import type { PciFunction } from '../pci/function';
import { hexOf, type Saved, type StateReader } from '../state/saved';
import { NvmeDisk } from './nvme-disk';
import { CONTROLLER, NAMESPACE } from './nvme-identify';

/** The capabilities: 2048 entries a queue, 4 KiB pages, 8 byte doorbell pairs, 7.5 s to become ready; NVMe 1.4. */
const CAP = 0x4018200f0107ffn;
const VERSION = 0x00010400;

const REG_CAP = 0x00;
const REG_VERSION = 0x08;
const REG_INTMS = 0x0c;
const REG_INTMC = 0x10;
const REG_CC = 0x14;
const REG_CSTS = 0x1c;
const REG_AQA = 0x24;
const REG_ASQ = 0x28;
const REG_ACQ = 0x30;
const DOORBELLS = 0x1000;

const CC_ENABLE = 0x1;
const CC_SHUTDOWN = 0xc000;
const CSTS_READY = 0x1;
const CSTS_FATAL = 0x2;
const CSTS_SHUTDOWN_COMPLETE = 0x8;
const SQ_ENTRY = 64;
const CQ_ENTRY = 16;
const PAGE = 4096;
/** Entries of an admin queue: 12 bits of its size less one. */
const MOST_ENTRIES = 4096;

/** The number of the admin queues. */
const ADMIN = 0;
const MOST_QUEUES = 64;
/** Entries of an I/O queue: CAP.MQES and one. */
const IO_ENTRIES = 2048;
/** Bytes of one transfer: MDTS of Identify Controller, 7, in pages. */
const MOST_DATA = PAGE << 7;

const IO_FLUSH = 0x00;
const IO_WRITE = 0x01;
const IO_READ = 0x02;
const ADMIN_DELETE_SQ = 0x00;
const ADMIN_CREATE_SQ = 0x01;
const ADMIN_DELETE_CQ = 0x04;
const ADMIN_CREATE_CQ = 0x05;
const ADMIN_GET_LOG_PAGE = 0x02;
const ADMIN_IDENTIFY = 0x06;
const ADMIN_ABORT = 0x08;
const ADMIN_SET_FEATURES = 0x09;
const ADMIN_GET_FEATURES = 0x0a;
const ADMIN_ASYNC_EVENT = 0x0c;
/** Status codes, with Do Not Retry. */
const INVALID_OPCODE = 0x4001;
const INVALID_FIELD = 0x4002;
const INVALID_NAMESPACE = 0x400b;
const INVALID_PRP = 0x4013;
const OUT_OF_RANGE = 0x4080;
const INVALID_COMPLETIONS = 0x4100;
const INVALID_QUEUE = 0x4101;
const INVALID_QUEUE_SIZE = 0x4102;
const INVALID_VECTOR = 0x4108;
const INVALID_LOG_PAGE = 0x4109;
const QUEUE_IN_USE = 0x410c;
const NAMESPACES = 256;
const BROADCAST = 0xffffffff;
const FEATURE_ERROR_RECOVERY = 5;
const FEATURE_QUEUES = 7;

/** The values of Get Features that nobody has set. */
const FEATURES: ReadonlyMap<number, number> = new Map([
  [1, 7],
  [2, 0],
  [4, 0x157],
  [FEATURE_ERROR_RECOVERY, 0],
  [6, 1],
  [FEATURE_QUEUES, 0x003f003f],
  [8, 0],
  [9, 0x10000],
  [11, 0x100],
]);

interface CompletionQueue {
  readonly size: number;
  readonly address: bigint;
  /** Its MSI-X vector; null where it interrupts nobody. */
  readonly vector: number | null;
  head: number;
  tail: number;
  phase: 0 | 1;
}

interface SubmissionQueue {
  readonly id: number;
  readonly size: number;
  readonly address: bigint;
  readonly completions: CompletionQueue;
  head: number;
  tail: number;
}

/** Part of a transfer, in one page of the host. */
interface Piece {
  address: bigint;
  /** In the data. */
  offset: number;
  length: number;
}

interface NvmeCompletion {
  readonly command: number;
  readonly status: number;
  readonly result: number;
}

/**
 * QEMU's `nvme` with one namespace: hw/nvme/ctrl.c, checked on 7.2. It does not notice that DMA of data is refused: an
 * Identify into nowhere succeeds. Queues that it cannot reach make it fail. A machine that is kept in a file has no I/O
 * queues when it goes on: what closes the device has reset it.
 */
export class Nvme implements SimRegion {
  readonly #fn: PciFunction;
  /** MSI-X table and pending bits, after the doorbells. */
  readonly #msix: SimRegion;
  readonly #msixTable: Buffer;
  #masked = 0;
  #configuration = 0;
  #status = 0;
  #queueSizes = 0x001f001f;
  #asq = 0n;
  #acq = 0n;
  /** By number; that of admin commands is 0, and there while the controller runs. */
  readonly #submissions = new Map<number, SubmissionQueue>();
  readonly #completions = new Map<number, CompletionQueue>();
  readonly #disk = new NvmeDisk();
  #intx = false;
  readonly #features = new Map<number, number>();

  constructor(fn: PciFunction) {
    this.#fn = fn;
    const table = Buffer.alloc((fn.msix?.vectors ?? 0) * CQ_ENTRY);
    this.#msixTable = table;
    const start = fn.msix?.offset ?? 0;
    this.#msix = bytewise(
      (offset) => table[offset - start] ?? 0,
      (offset, value) => {
        if (offset >= start && offset - start < table.length) table[offset - start] = value;
      },
    );
    fn.attach(0, this);
    // Queue addresses and sizes stay.
    fn.onReset = () => this.#stop();
  }

  save(): Saved {
    return {
      masked: this.#masked,
      configuration: this.#configuration,
      status: this.#status,
      queueSizes: this.#queueSizes,
      asq: hex(this.#asq),
      acq: hex(this.#acq),
      queues: savedQueues(this.#submissions.get(ADMIN)),
      intx: this.#intx,
      features: Object.fromEntries(this.#features),
      msix: hexOf(this.#msixTable),
      disk: this.#disk.save(),
    };
  }

  restore(state: StateReader): void {
    this.#masked = state.at('masked').u32();
    this.#configuration = state.at('configuration').u32();
    this.#status = state.at('status').integer(CSTS_READY | CSTS_FATAL | CSTS_SHUTDOWN_COMPLETE);
    this.#queueSizes = state.at('queueSizes').integer(0x0fff0fff);
    this.#asq = state.at('asq').u64();
    this.#acq = state.at('acq').u64();
    this.#forgetQueues();
    const admin = state.at('queues').orNull(readQueues);
    if (admin !== null) this.#add(admin);
    this.#intx = state.at('intx').flag();
    this.#features.clear();
    for (const [feature, value] of state.at('features').entries(FEATURES.size)) {
      if (!FEATURES.has(Number(feature))) value.fail('is no feature');
      this.#features.set(Number(feature), value.u32());
    }
    state.at('msix').bytes(this.#msixTable.length).copy(this.#msixTable);
    this.#disk.restore(state.at('disk'));
  }

  read(offset: number, width: Width): Word {
    if (offset >= DOORBELLS) return offset < (this.#fn.msix?.offset ?? 0) ? 0 : this.#msix.read(offset, width);
    const word = offset - (offset % 8);
    const shift = BigInt(8 * (offset - word));
    return toWord(this.#register(word) >> shift, width);
  }

  write(offset: number, width: Width, value: Word): void {
    if (offset < DOORBELLS) this.#writeRegister(offset, width, value);
    else if (offset < (this.#fn.msix?.offset ?? 0)) this.#ring(offset - DOORBELLS, Number(toWord(value, 4)));
    else this.#msix.write(offset, width, value);
  }

  /** The 8 bytes at a multiple of 8. */
  #register(offset: number): bigint {
    const pair = (low: number, high: number) => BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
    switch (offset) {
      case REG_CAP:
        return CAP;
      case REG_VERSION:
        return pair(VERSION, this.#masked);
      case REG_INTMC:
        return pair(this.#masked, this.#configuration);
      case REG_CSTS - 4:
        return pair(0, this.#status);
      case REG_AQA - 4:
        return pair(0, this.#queueSizes);
      case REG_ASQ:
        return this.#asq;
      case REG_ACQ:
        return this.#acq;
      default:
        return 0n;
    }
  }

  #writeRegister(offset: number, width: Width, value: Word): void {
    const low = Number(toWord(value, 4));
    switch (offset) {
      case REG_INTMS:
        this.#masked = (this.#masked | low) >>> 0;
        this.#updateIntx();
        break;
      case REG_INTMC:
        this.#masked = (this.#masked & ~low) >>> 0;
        this.#updateIntx();
        break;
      case REG_CC:
        this.#configure(low);
        break;
      case REG_AQA:
        this.#queueSizes = low & 0x0fff0fff;
        break;
      case REG_ASQ:
        this.#asq = width === 8 ? BigInt(value) : replaceHalf(this.#asq, low, 0n);
        break;
      case REG_ASQ + 4:
        this.#asq = replaceHalf(this.#asq, low, 32n);
        break;
      case REG_ACQ:
        this.#acq = width === 8 ? BigInt(value) : replaceHalf(this.#acq, low, 0n);
        break;
      case REG_ACQ + 4:
        this.#acq = replaceHalf(this.#acq, low, 32n);
    }
  }

  #configure(value: number): void {
    const before = this.#configuration;
    this.#configuration = value;
    if (value & CC_SHUTDOWN && (before & CC_SHUTDOWN) === 0) this.#status |= CSTS_SHUTDOWN_COMPLETE;
    else if ((value & CC_SHUTDOWN) === 0 && before & CC_SHUTDOWN) this.#status &= ~CSTS_SHUTDOWN_COMPLETE;
    if (value & CC_ENABLE && (before & CC_ENABLE) === 0) this.#start();
    else if ((value & CC_ENABLE) === 0 && before & CC_ENABLE) this.#stop();
  }

  /**
   * nvme_start_ctrl(): entries of 64 and 16 bytes, pages of 4 KiB, queues of more than one entry on page boundaries.
   */
  #start(): void {
    const field = (shift: number) => (this.#configuration >> shift) & 0xf;
    const sqSize = (this.#queueSizes & 0xfff) + 1;
    const cqSize = ((this.#queueSizes >> 16) & 0xfff) + 1;
    const aligned = (this.#asq | this.#acq) % BigInt(PAGE) === 0n;
    if (field(16) !== 6 || field(20) !== 4 || field(7) !== 0 || sqSize < 2 || cqSize < 2 || !aligned) {
      this.#status = CSTS_FATAL;
      return;
    }
    const vector = this.#fn.config.msixEnabled ? 0 : null;
    const completions = { size: cqSize, address: this.#acq, vector, head: 0, tail: 0, phase: 1 as const };
    this.#add({ id: ADMIN, size: sqSize, address: this.#asq, completions, head: 0, tail: 0 });
    this.#status = CSTS_READY;
  }

  #stop(): void {
    this.#forgetQueues();
    this.#configuration = 0;
    this.#status = 0;
    this.#features.clear();
    this.#intx = false;
    this.#updateIntx();
  }

  #add(queue: SubmissionQueue): void {
    this.#submissions.set(queue.id, queue);
    if (queue.id === ADMIN) this.#completions.set(ADMIN, queue.completions);
  }

  #forgetQueues(): void {
    this.#submissions.clear();
    this.#completions.clear();
  }

  /**
   * Rings a doorbell; values out of range are ignored. Commands are done at once, on QEMU a moment later: a program may
   * watch its memory alone for the completion, and no time passes here without a call.
   */
  #ring(offset: number, value: number): void {
    const id = Math.floor(offset / 8);
    if (offset % 8 === 0) {
      const queue = this.#submissions.get(id);
      if (queue === undefined || value >= queue.size) return;
      queue.tail = value;
      this.#run(queue);
    } else if (offset % 8 === 4) {
      const completions = this.#completions.get(id);
      if (completions === undefined || value >= completions.size) return;
      completions.head = value;
      for (const queue of this.#submissions.values()) if (queue.completions === completions) this.#run(queue);
      if (completions.head !== completions.tail || id !== ADMIN) return;
      this.#intx = false;
      this.#updateIntx();
    }
  }

  #run(queue: SubmissionQueue): void {
    const { completions } = queue;
    let completed = false;
    while (this.#submissions.get(queue.id) === queue && this.#status === CSTS_READY && queue.head !== queue.tail) {
      if ((completions.tail + 1) % completions.size === completions.head) break;
      const entry = this.#fn.readDma(queue.address + BigInt(queue.head * SQ_ENTRY), SQ_ENTRY);
      if (entry === null) {
        this.#status = CSTS_FATAL;
        return;
      }
      queue.head = (queue.head + 1) % queue.size;
      const completion = queue.id === ADMIN ? this.#execute(entry) : this.#io(entry);
      if (completion === null) continue;
      if (!this.#complete(queue, completion)) return;
      completed = true;
    }
    if (completed) this.#signal(completions);
  }

  #complete({ id, head, completions }: SubmissionQueue, { command, status, result }: NvmeCompletion): boolean {
    const entry = Buffer.alloc(CQ_ENTRY);
    entry.writeUInt32LE(result, 0);
    entry.writeUInt16LE(head, 8);
    entry.writeUInt16LE(id, 10);
    entry.writeUInt16LE(command, 12);
    entry.writeUInt16LE((status << 1) | completions.phase, 14);
    if (!this.#fn.writeDma(completions.address + BigInt(completions.tail * CQ_ENTRY), entry)) {
      this.#status = CSTS_FATAL;
      return false;
    }
    completions.tail = (completions.tail + 1) % completions.size;
    if (completions.tail === 0) completions.phase ^= 1;
    return true;
  }

  /** nvme_irq_assert() */
  #signal({ vector }: CompletionQueue): void {
    if (this.#fn.config.msixEnabled) {
      if (vector !== null) this.#fn.sendMessage(vector);
      return;
    }
    this.#intx = true;
    this.#updateIntx();
  }

  #updateIntx(): void {
    if (!this.#fn.config.msixEnabled) this.#fn.setInterrupt(this.#intx && (this.#masked & 1) === 0);
  }

  /** Executes a command. @returns null for one that never completes: an event that is waited for */
  #execute(entry: Buffer): NvmeCompletion | null {
    const command = entry.readUInt16LE(2);
    const done = (status: number, result = 0) => ({ command, status, result });
    switch (entry[0]) {
      case ADMIN_CREATE_CQ:
        return done(this.#createCompletions(entry));
      case ADMIN_CREATE_SQ:
        return done(this.#createSubmissions(entry));
      case ADMIN_DELETE_SQ:
        return done(this.#submissions.delete(entry.readUInt16LE(40) || -1) ? 0 : INVALID_QUEUE);
      case ADMIN_DELETE_CQ:
        return done(this.#deleteCompletions(entry.readUInt16LE(40)));
      case ADMIN_IDENTIFY:
        return done(this.#identify(entry));
      case ADMIN_GET_LOG_PAGE:
        return done(this.#logPage(entry));
      case ADMIN_GET_FEATURES:
        return this.#getFeature(entry, done);
      case ADMIN_SET_FEATURES:
        return this.#setFeature(entry, done);
      case ADMIN_ABORT:
        // There is nothing left to abort.
        return done(0, 1);
      case ADMIN_ASYNC_EVENT:
        return null;
      default:
        return done(INVALID_OPCODE);
    }
  }

  /** nvme_create_cq() */
  #createCompletions(entry: Buffer): number {
    const [id, size] = [entry.readUInt16LE(40), entry.readUInt16LE(42) + 1];
    const [flags, vector] = [entry.readUInt16LE(44), entry.readUInt16LE(46)];
    const address = entry.readBigUInt64LE(24);
    if (id === 0 || id > MOST_QUEUES || this.#completions.has(id)) return INVALID_QUEUE;
    if (size < 2 || size > IO_ENTRIES) return INVALID_QUEUE_SIZE;
    if (address % BigInt(PAGE) !== 0n) return INVALID_PRP;
    if (vector >= (this.#fn.msix?.vectors ?? 1)) return INVALID_VECTOR;
    if ((flags & 1) === 0) return INVALID_FIELD;
    const signals = (flags & 2) !== 0;
    this.#completions.set(id, { size, address, vector: signals ? vector : null, head: 0, tail: 0, phase: 1 });
    return 0;
  }

  /** nvme_create_sq() */
  #createSubmissions(entry: Buffer): number {
    const [id, size] = [entry.readUInt16LE(40), entry.readUInt16LE(42) + 1];
    const [flags, cq] = [entry.readUInt16LE(44), entry.readUInt16LE(46)];
    const address = entry.readBigUInt64LE(24);
    const completions = this.#completions.get(cq);
    if (cq === 0 || completions === undefined) return INVALID_COMPLETIONS;
    if (id === 0 || id > MOST_QUEUES || this.#submissions.has(id)) return INVALID_QUEUE;
    if (size < 2 || size > IO_ENTRIES) return INVALID_QUEUE_SIZE;
    if (address % BigInt(PAGE) !== 0n) return INVALID_PRP;
    if ((flags & 1) === 0) return INVALID_FIELD;
    this.#submissions.set(id, { id, size, address, completions, head: 0, tail: 0 });
    return 0;
  }

  #deleteCompletions(id: number): number {
    const completions = this.#completions.get(id);
    if (id === 0 || completions === undefined) return INVALID_QUEUE;
    for (const queue of this.#submissions.values()) if (queue.completions === completions) return QUEUE_IN_USE;
    this.#completions.delete(id);
    return 0;
  }

  /** Executes a command of an I/O queue: nvme_io_cmd(). */
  #io(entry: Buffer): NvmeCompletion {
    const command = entry.readUInt16LE(2);
    const done = (status: number) => ({ command, status, result: 0 });
    if (entry.readUInt32LE(4) !== 1) return done(INVALID_NAMESPACE);
    const block = entry.readBigUInt64LE(40);
    const count = entry.readUInt16LE(48) + 1;
    switch (entry[0]) {
      case IO_FLUSH:
        return done(0);
      case IO_WRITE:
      case IO_READ: {
        if (count * NvmeDisk.BLOCK > MOST_DATA) return done(INVALID_FIELD);
        if (block + BigInt(count) > BigInt(NvmeDisk.BLOCKS)) return done(OUT_OF_RANGE);
        const pieces = this.#pieces(entry, count * NvmeDisk.BLOCK);
        if (pieces === null) return done(INVALID_PRP);
        if (entry[0] === IO_READ) {
          const data = this.#disk.read(Number(block), count);
          for (const { address, offset, length } of pieces)
            this.#fn.writeDma(address, data.subarray(offset, offset + length));
          return done(0);
        }
        const data = Buffer.alloc(count * NvmeDisk.BLOCK);
        for (const { address, offset, length } of pieces) this.#fn.readDma(address, length)?.copy(data, offset);
        this.#disk.write(Number(block), data);
        return done(0);
      }
      default:
        return done(INVALID_OPCODE);
    }
  }

  /** Follows the PRP entries of a command, and their lists: nvme_map_prp(). Null where one is not the start of a page. */
  #pieces(entry: Buffer, length: number): Piece[] | null {
    const page = BigInt(PAGE);
    const first = entry.readBigUInt64LE(24);
    let second = entry.readBigUInt64LE(32);
    const pieces: Piece[] = [{ address: first, offset: 0, length: Math.min(length, PAGE - Number(first % page)) }];
    let offset = pieces[0]?.length ?? 0;
    if (offset === length) return pieces;
    if (length - offset <= PAGE) {
      if (second % page !== 0n) return null;
      pieces.push({ address: second, offset, length: length - offset });
      return pieces;
    }
    while (offset < length) {
      const entries = (PAGE - Number(second % page)) / 8;
      const list = this.#fn.readDma(second, entries * 8);
      if (list === null) return null;
      for (let i = 0; i < entries && offset < length; i++) {
        const address = list.readBigUInt64LE(i * 8);
        if (address % page !== 0n) return null;
        // The last entry of a page leads to the next list, where there is more than it could name.
        if (i === entries - 1 && length - offset > PAGE) {
          second = address;
          break;
        }
        const size = Math.min(PAGE, length - offset);
        pieces.push({ address, offset, length: size });
        offset += size;
      }
    }
    return pieces;
  }

  #identify(entry: Buffer): number {
    const data = Buffer.alloc(PAGE);
    const namespace = entry.readUInt32LE(4);
    const structure = entry.readUInt32LE(40) & 0xff;
    switch (structure) {
      case 0:
        if (namespace === 0 || namespace > NAMESPACES) return INVALID_NAMESPACE;
        if (namespace === 1) for (const [at, bytes] of NAMESPACE) bytes.copy(data, at);
        break;
      case 1:
        data.writeUInt16LE(this.#fn.config.read(0x00, 2), 0);
        data.writeUInt16LE(this.#fn.config.read(0x2c, 2), 2);
        for (const [at, bytes] of CONTROLLER) bytes.copy(data, at);
        break;
      case 2:
        if (namespace >= BROADCAST - 1) return INVALID_NAMESPACE;
        if (namespace < 1) data.writeUInt32LE(1);
        break;
      case 3:
        if (namespace !== 1) return INVALID_NAMESPACE;
        // The command set.
        data.writeUInt16LE(0x0104);
        break;
      default:
        return INVALID_FIELD;
    }
    this.#transfer(entry, data);
    return 0;
  }

  #logPage(entry: Buffer): number {
    const page = entry[40] ?? 0;
    if (page < 1 || page > 3) return INVALID_LOG_PAGE;
    const dwords = entry.readUInt16LE(42) + 1;
    const data = Buffer.alloc(Math.min(4 * dwords, PAGE));
    const SMART = 2;
    // Its temperature in kelvins.
    if (page === SMART && data.length > 2) data.writeUInt16LE(0x143, 1);
    this.#transfer(entry, data);
    return 0;
  }

  #getFeature(entry: Buffer, done: (status: number, result?: number) => NvmeCompletion): NvmeCompletion {
    const feature = entry[40] ?? 0;
    const value = this.#features.get(feature) ?? FEATURES.get(feature);
    if (value === undefined) return done(INVALID_FIELD);
    if (feature === FEATURE_ERROR_RECOVERY && entry.readUInt32LE(4) !== 1) return done(INVALID_NAMESPACE);
    return done(0, value);
  }

  /** Sets a feature. The number of queues is fixed. */
  #setFeature(entry: Buffer, done: (status: number, result?: number) => NvmeCompletion): NvmeCompletion {
    const feature = entry[40] ?? 0;
    const fixed = FEATURES.get(feature);
    if (fixed === undefined) return done(INVALID_FIELD);
    if (feature === FEATURE_QUEUES) return done(0, fixed);
    this.#features.set(feature, entry.readUInt32LE(44));
    return done(0);
  }

  /** Copies data to the host's pages: the first from an offset in it, the second whole. */
  #transfer(entry: Buffer, data: Buffer): void {
    const first = entry.readBigUInt64LE(24);
    const length = Math.min(data.length, PAGE - Number(first % BigInt(PAGE)));
    this.#fn.writeDma(first, data.subarray(0, length));
    if (length < data.length) this.#fn.writeDma(entry.readBigUInt64LE(32), data.subarray(length));
  }
}

function savedQueues(admin: SubmissionQueue | undefined): Saved {
  if (admin === undefined) return null;
  const { size, address, head, tail, completions } = admin;
  return {
    sqSize: size,
    cqSize: completions.size,
    asq: hex(address),
    acq: hex(completions.address),
    vector: completions.vector !== null,
    sqHead: head,
    sqTail: tail,
    cqHead: completions.head,
    cqTail: completions.tail,
    phase: completions.phase,
  };
}

function readQueues(state: StateReader): SubmissionQueue {
  const size = (name: string) => state.at(name).integer(MOST_ENTRIES, 2);
  const [sqSize, cqSize] = [size('sqSize'), size('cqSize')];
  return {
    id: ADMIN,
    size: sqSize,
    address: state.at('asq').u64(),
    head: state.at('sqHead').integer(sqSize - 1),
    tail: state.at('sqTail').integer(sqSize - 1),
    completions: {
      size: cqSize,
      address: state.at('acq').u64(),
      vector: state.at('vector').flag() ? 0 : null,
      head: state.at('cqHead').integer(cqSize - 1),
      tail: state.at('cqTail').integer(cqSize - 1),
      phase: state.at('phase').integer(1) === 1 ? 1 : 0,
    },
  };
}

function replaceHalf(value: bigint, half: number, shift: bigint): bigint {
  return (value & ~(0xffffffffn << shift)) | (BigInt(half) << shift);
}
