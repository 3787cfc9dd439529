import type { Width, Word } from '../../sys/sys';
import { hex } from '../../text/hex';
import { bytewise, type SimRegion, toWord } from '../hardware/region';
import type { PciFunction } from '../pci/function';
import { hexOf, type Saved, type StateReader } from '../state/saved';

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
const INVALID_LOG_PAGE = 0x4109;
const NAMESPACES = 256;
const BROADCAST = 0xffffffff;
const FEATURE_ERROR_RECOVERY = 5;
const FEATURE_QUEUES = 7;

/** Fields of Identify Controller that are not zero, from QEMU 7.2: where, and bytes or text. */
const CONTROLLER: readonly (readonly [at: number, bytes: Buffer])[] = [
  [4, Buffer.from('UDRV0001'.padEnd(20))],
  [24, Buffer.from('QEMU NVMe Ctrl'.padEnd(40))],
  [64, Buffer.from('7.2.22  ')],
  [72, Buffer.from('06005452000700000004010000', 'hex')],
  [0x5c, Buffer.from('0001000000800000', 'hex')],
  [0x6f, Buffer.from('01', 'hex')],
  [0x100, Buffer.from('0a0103030307000000005701750100', 'hex')],
  [0x200, Buffer.from('66440000000100005d01000000070000', 'hex')],
  [0x216, Buffer.from('030001', 'hex')],
  [0x300, Buffer.from('nqn.2019-08.org.qemu:UDRV0001')],
  [0x800, Buffer.from('c4090000100000000400', 'hex')],
];

/** Fields of Identify Namespace: 131,072 blocks of 512 bytes, and the formats it could have. */
const NAMESPACE: readonly (readonly [at: number, bytes: Buffer])[] = [
  [0x00, Buffer.from('000002000000000000000200000000000000020000000000140700031f000000', 'hex')],
  [0x20, Buffer.from('0001', 'hex')],
  [0x40, Buffer.from('00000000070007', 'hex')],
  [0x80, Buffer.from('00000900080009001000090040000900', 'hex')],
  [0x90, Buffer.from('00000c0008000c0010000c0040000c00', 'hex')],
];

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

interface Queues {
  readonly sqSize: number;
  readonly cqSize: number;
  readonly asq: bigint;
  readonly acq: bigint;
  /** Set where MSI-X was on before the controller was: otherwise QEMU never signals the vector. */
  readonly vector: boolean;
  sqHead: number;
  sqTail: number;
  cqHead: number;
  cqTail: number;
  phase: 0 | 1;
}

interface NvmeCompletion {
  readonly command: number;
  readonly status: number;
  readonly result: number;
}

/**
 * QEMU's `nvme` with one namespace, as far as its admin queue: hw/nvme/ctrl.c, checked on 7.2. There are no I/O queues.
 * It does not notice that DMA of data is refused: an Identify into nowhere succeeds. Queues that it cannot reach make
 * it fail.
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
  #queues: Queues | null = null;
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
    const queues = this.#queues;
    return {
      masked: this.#masked,
      configuration: this.#configuration,
      status: this.#status,
      queueSizes: this.#queueSizes,
      asq: hex(this.#asq),
      acq: hex(this.#acq),
      queues: queues && { ...queues, asq: hex(queues.asq), acq: hex(queues.acq) },
      intx: this.#intx,
      features: Object.fromEntries(this.#features),
      msix: hexOf(this.#msixTable),
    };
  }

  restore(state: StateReader): void {
    this.#masked = state.at('masked').u32();
    this.#configuration = state.at('configuration').u32();
    this.#status = state.at('status').integer(CSTS_READY | CSTS_FATAL | CSTS_SHUTDOWN_COMPLETE);
    this.#queueSizes = state.at('queueSizes').integer(0x0fff0fff);
    this.#asq = state.at('asq').u64();
    this.#acq = state.at('acq').u64();
    this.#queues = state.at('queues').orNull(readQueues);
    this.#intx = state.at('intx').flag();
    this.#features.clear();
    for (const [feature, value] of state.at('features').entries(FEATURES.size)) {
      if (!FEATURES.has(Number(feature))) value.fail('is no feature');
      this.#features.set(Number(feature), value.u32());
    }
    state.at('msix').bytes(this.#msixTable.length).copy(this.#msixTable);
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
    this.#queues = {
      sqSize,
      cqSize,
      asq: this.#asq,
      acq: this.#acq,
      vector: this.#fn.config.msixEnabled,
      sqHead: 0,
      sqTail: 0,
      cqHead: 0,
      cqTail: 0,
      phase: 1,
    };
    this.#status = CSTS_READY;
  }

  #stop(): void {
    this.#queues = null;
    this.#configuration = 0;
    this.#status = 0;
    this.#features.clear();
    this.#intx = false;
    this.#updateIntx();
  }

  /**
   * Rings a doorbell of the admin queues; values out of range are ignored. Commands are done at once, on QEMU a moment
   * later: a program may watch its memory alone for the completion, and no time passes here without a call.
   */
  #ring(offset: number, value: number): void {
    const queues = this.#queues;
    if (queues === null) return;
    if (offset === 0 && value < queues.sqSize) {
      queues.sqTail = value;
      this.#run(queues);
    } else if (offset === 4 && value < queues.cqSize) {
      queues.cqHead = value;
      this.#run(queues);
      if (queues.cqHead === queues.cqTail) {
        this.#intx = false;
        this.#updateIntx();
      }
    }
  }

  #run(queues: Queues): void {
    let completed = false;
    while (queues === this.#queues && this.#status === CSTS_READY && queues.sqHead !== queues.sqTail) {
      if ((queues.cqTail + 1) % queues.cqSize === queues.cqHead) break;
      const entry = this.#fn.readDma(queues.asq + BigInt(queues.sqHead * SQ_ENTRY), SQ_ENTRY);
      if (entry === null) {
        this.#status = CSTS_FATAL;
        return;
      }
      queues.sqHead = (queues.sqHead + 1) % queues.sqSize;
      const completion = this.#execute(entry);
      if (completion === null) continue;
      if (!this.#complete(queues, completion)) return;
      completed = true;
    }
    if (completed) this.#signal(queues);
  }

  #complete(queues: Queues, { command, status, result }: NvmeCompletion): boolean {
    const entry = Buffer.alloc(CQ_ENTRY);
    entry.writeUInt32LE(result, 0);
    entry.writeUInt16LE(queues.sqHead, 8);
    entry.writeUInt16LE(command, 12);
    entry.writeUInt16LE((status << 1) | queues.phase, 14);
    if (!this.#fn.writeDma(queues.acq + BigInt(queues.cqTail * CQ_ENTRY), entry)) {
      this.#status = CSTS_FATAL;
      return false;
    }
    queues.cqTail = (queues.cqTail + 1) % queues.cqSize;
    if (queues.cqTail === 0) queues.phase ^= 1;
    return true;
  }

  /** nvme_irq_assert() */
  #signal(queues: Queues): void {
    if (this.#fn.config.msixEnabled) {
      if (queues.vector) this.#fn.sendMessage(0);
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

function readQueues(state: StateReader): Queues {
  const size = (name: string) => state.at(name).integer(MOST_ENTRIES, 2);
  const [sqSize, cqSize] = [size('sqSize'), size('cqSize')];
  return {
    sqSize,
    cqSize,
    asq: state.at('asq').u64(),
    acq: state.at('acq').u64(),
    vector: state.at('vector').flag(),
    sqHead: state.at('sqHead').integer(sqSize - 1),
    sqTail: state.at('sqTail').integer(sqSize - 1),
    cqHead: state.at('cqHead').integer(cqSize - 1),
    cqTail: state.at('cqTail').integer(cqSize - 1),
    phase: state.at('phase').integer(1) === 1 ? 1 : 0,
  };
}

function replaceHalf(value: bigint, half: number, shift: bigint): bigint {
  return (value & ~(0xffffffffn << shift)) | (BigInt(half) << shift);
}
