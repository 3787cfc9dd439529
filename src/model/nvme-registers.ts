import type { Registers } from './registers';

/** Offsets in bytes. NVM Express Base Specification 2.0, section 3.1.3. */
const CAP_LOW = 0x00;
const CAP_HIGH = 0x04;
const VERSION = 0x08;
const CC = 0x14;
const CSTS = 0x1c;
const AQA = 0x24;
const ASQ = 0x28;
const ACQ = 0x30;
const DOORBELLS = 0x1000;

const CC_ENABLE = 1;
/** Entries of {@link NVME_SQ_ENTRY} and {@link NVME_CQ_ENTRY} bytes, as powers of two. */
const CC_ENTRY_SIZES = (6 << 16) | (4 << 20);
const CSTS_READY = 1;
const CSTS_FATAL = 2;

/** Bytes of an entry of a submission queue, and of a completion queue. */
export const NVME_SQ_ENTRY = 64;
export const NVME_CQ_ENTRY = 16;
/** Opcode of the admin command that describes the controller or a namespace; section 5.17. */
export const NVME_IDENTIFY = 0x06;

/** Memory of the admin queues, by addresses that the controller reaches. */
export interface NvmeAdminQueues {
  /** Length of each of the two. */
  entries: number;
  submissions: bigint;
  completions: bigint;
}

/** Registers of an NVMe controller, which start and stop it. The wait for it is the caller's: {@link timeoutMs}. */
export class NvmeRegisters {
  readonly #registers: Registers;

  /** @param registers of BAR 0 */
  constructor(registers: Registers) {
    this.#registers = registers;
  }

  /** Major version in bits 31 to 16, minor in 15 to 8. */
  get version(): number {
    return this.#read(VERSION);
  }

  /** Entries of the longest queue: CAP.MQES, one less. */
  get maxEntries(): number {
    return (this.#read(CAP_LOW) & 0xffff) + 1;
  }

  /** Bytes of the smallest memory page that it takes: CAP.MPSMIN. */
  get pageSize(): number {
    return 4096 << this.#pageShift;
  }

  /** The controller's own time limit for starting and stopping: CAP.TO, in units of 500 ms. */
  get timeoutMs(): number {
    return (this.#read(CAP_LOW) >>> 24) * 500;
  }

  /** The status register, for messages. */
  get status(): number {
    return this.#read(CSTS);
  }

  get isReady(): boolean {
    return (this.status & CSTS_READY) !== 0;
  }

  get isFatal(): boolean {
    return (this.status & CSTS_FATAL) !== 0;
  }

  /** Tells it to start, with its smallest pages: it is then ready, or has failed fatally. It must not be ready. */
  enable({ entries, submissions, completions }: NvmeAdminQueues): void {
    this.#write(AQA, ((entries - 1) << 16) | (entries - 1));
    this.#write64(ASQ, submissions);
    this.#write64(ACQ, completions);
    this.#write(CC, CC_ENTRY_SIZES | (this.#pageShift << 7) | CC_ENABLE);
  }

  /** Tells it to stop: it is then not ready, and its queues are gone. */
  disable(): void {
    const configuration = this.#read(CC);
    if ((configuration & CC_ENABLE) !== 0) this.#write(CC, (configuration & ~CC_ENABLE) >>> 0);
  }

  /** Returns the write of a doorbell, by its number: 2n for submission queue n, 2n + 1 for completion queue n. */
  doorbell(number: number): (index: number) => void {
    const stride = 4 << (this.#read(CAP_HIGH) & 0xf);
    return this.#registers.writer(DOORBELLS + number * stride, 4);
  }

  get #pageShift(): number {
    return (this.#read(CAP_HIGH) >>> 16) & 0xf;
  }

  // In halves, as the specification allows for every register.
  #write64(offset: number, value: bigint): void {
    this.#write(offset, Number(value & 0xffff_ffffn));
    this.#write(offset + 4, Number(value >> 32n));
  }

  #write(offset: number, value: number): void {
    this.#registers.write(offset, 4, value);
  }

  #read(offset: number): number {
    return Number(this.#registers.read(offset, 4));
  }
}
