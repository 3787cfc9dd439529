import type { Width, Word } from '../../sys/sys';
import { bytewise, type SimRegion, toWord } from '../hardware/region';
import type { PciFunction } from '../pci/function';
import { hexOf, type Saved, type StateReader } from '../state/saved';

const CTRL = 0x0000;
const STATUS = 0x0008;
const CTRL_EXT = 0x0018;
const ICR = 0x00c0;
const ICS = 0x00c8;
const IMS = 0x00d0;
const IMC = 0x00d8;
const EIAC = 0x00dc;
const IAM = 0x00e0;
const IVAR = 0x00e4;
const RCTL = 0x0100;
const TCTL = 0x0400;
const TDT = 0x3818;
const RDT = 0x2818;
const GPRC = 0x4074;
const BPRC = 0x4078;
const MPRC = 0x407c;
const GPTC = 0x4080;
const GORCL = 0x4088;
const GOTCL = 0x4090;
const RUC = 0x40a4;
const ROC = 0x40ac;
const TORL = 0x40c0;
const TOTL = 0x40c8;
const TPR = 0x40d0;
const TPT = 0x40d4;
const MULTICAST_TABLE = 0x5200;
const RAL0 = 0x5400;
const ADDRESSES = 16;
const RFCTL = 0x5008;

/** Registers from the first of a ring on. */
const RECEIVE = 0x2800;
const TRANSMIT = 0x3800;
const LENGTH = 0x08;
const HEAD = 0x10;
const TAIL = 0x18;

/** Registers that keep what is written to them, with the bits that they have. */
const PLAIN: ReadonlyMap<number, number> = new Map([
  [0x0014, 0xffffffff],
  ...[EIAC, IAM, IVAR].map((offset) => [offset, 0xffffffff] as const),
  ...[0x00c4, 0x00e8, 0x00ec, 0x00f0, 0x00f4, 0x00f8].map((offset) => [offset, 0xffff] as const),
  [0x0410, 0xffffffff],
  ...[RECEIVE, TRANSMIT].flatMap(
    (ring) =>
      [
        [ring, 0xfffffff0],
        [ring + 0x04, 0xffffffff],
        [ring + LENGTH, 0xfff80],
        [ring + HEAD, 0xffff],
        [ring + 0x20, 0xffff],
        [ring + 0x28, 0xffffffff],
        [ring + 0x2c, 0xffff],
      ] as const,
  ),
  [0x5000, 0xffffffff],
  [RFCTL, 0xffffffff],
  [0x5818, 0xffffffff],
  ...Array.from({ length: 128 }, (_, i) => [MULTICAST_TABLE + 4 * i, 0xffffffff] as const),
  ...Array.from({ length: 2 * ADDRESSES }, (_, i) => [RAL0 + 4 * i, 0xffffffff] as const),
]);

/** Values after a reset of the function; those of others are 0. */
const INITIAL: ReadonlyMap<number, number> = new Map([
  [CTRL, 0x00140241],
  [STATUS, 0x0202],
  [0x0410, 0x00602008],
  [RECEIVE + 0x28, 0x00010000],
  [0x5000, 0x300],
]);

/** Counters that a read clears; the high halves clear the low ones with them. */
const CLEARED_BY_READ = new Set([GPRC, BPRC, MPRC, GPTC, RUC, ROC, TPR, TPT]);
const WIDE_COUNTERS = [GORCL, GOTCL, TORL, TOTL];

const CTRL_MASTER_DISABLE = 1 << 2;
const CTRL_RESET = 1 << 26;
const STATUS_LINK_UP = 1 << 1;
const STATUS_MASTER_ENABLED = 1 << 19;
const STATUS_SPEED_1000 = 1 << 7;
const STATUS_FULL_DUPLEX = 1 << 0;
const CTRL_EXT_IAME = 1 << 27;
const CTRL_EXT_EIAME = 1 << 24;
const ENABLE = 1 << 1;
const RCTL_UNICAST = 1 << 3;
const RCTL_MULTICAST = 1 << 4;
const RCTL_LONG = 1 << 5;
const RCTL_BROADCAST = 1 << 15;
const RCTL_STRIP_CRC = 1 << 26;
const RFCTL_EXTENDED = 1 << 15;

const CAUSE_TXDW = 1 << 0;
const CAUSE_TXQE = 1 << 1;
const CAUSE_RXO = 1 << 6;
const CAUSE_RXT0 = 1 << 7;
const CAUSE_RXQ0 = 1 << 20;
const CAUSE_TXQ0 = 1 << 22;
const CAUSE_OTHER = 1 << 24;
const OTHER_CAUSES = (1 << 2) | CAUSE_RXO | (1 << 9) | (1 << 16) | (1 << 17) | (1 << 18);
const ASSERTED = 1 << 31;
/** The shift in IVAR of each cause that has a vector of its own. */
const VECTORS: readonly (readonly [cause: number, shift: number])[] = [
  [CAUSE_RXQ0, 0],
  [1 << 21, 4],
  [CAUSE_TXQ0, 8],
  [1 << 23, 12],
  [CAUSE_OTHER, 16],
];

const DESCRIPTOR = 16;
const COMMAND_EOP = 1 << 24;
const COMMAND_RS = 1 << 27;
const DONE = 1;
const END_OF_PACKET = 2;
const CRC = 4;
const SHORTEST = 60;
const LONGEST = 1518 + 4 - CRC;
const ADDRESS_VALID = 0x8000_0000;
/** Packets that wait for a port which cannot receive: QEMU's queue drops what is more. */
const WAITING = 10_000;

/**
 * QEMU's `e1000e`, an Intel 82574L: hw/net/e1000e_core.c, checked on 7.2. One ring each way with legacy descriptors,
 * interrupts, counters of packets and bytes. As there, the reset by CTRL brings back the address alone, packets are sent
 * while the tail is written, and a packet for which no descriptor is free waits. Left out: the PHY's registers, queue 1,
 * extended descriptors, checksums and segmentation, and the delay between two interrupts, as no time passes here without
 * a call.
 */
export class E1000e implements SimRegion {
  readonly #fn: PciFunction;
  readonly #address: Buffer;
  readonly #registers = new Uint32Array(0x20000 / 4);
  readonly #msixTable: Buffer;
  /** The other end of its cable. */
  #peer: E1000e | null = null;
  #waiting: Buffer[] = [];
  /** Causes that a message was sent for. */
  #signalled = 0;
  /** The packet that is being read, from the descriptors before its last. */
  #parts: Buffer[] = [];

  /** @param address its MAC address, 6 bytes */
  constructor(fn: PciFunction, address: Buffer) {
    this.#fn = fn;
    this.#address = address;
    const table = Buffer.alloc((fn.msix?.vectors ?? 0) * 16);
    this.#msixTable = table;
    fn.attach(0, this);
    fn.attach(
      fn.msix?.bar ?? 3,
      bytewise(
        (offset) => table[offset] ?? 0,
        (offset, value) => {
          if (offset < table.length) table[offset] = value;
        },
      ),
    );
    fn.onReset = () => this.#reset();
    this.#reset();
  }

  /** Connects two ports by a cable. */
  static connect(one: E1000e, other: E1000e): void {
    one.#peer = other;
    other.#peer = one;
  }

  /** Returns the registers. Packets on the cable are lost. */
  save(): Saved {
    const values = [...this.#registers.entries()].filter(([, value]) => value !== 0);
    return {
      registers: Object.fromEntries(values.map(([index, value]) => [String(4 * index), value])),
      msix: hexOf(this.#msixTable),
    };
  }

  restore(state: StateReader): void {
    this.#registers.fill(0);
    for (const [offset, value] of state.at('registers').entries(this.#registers.length))
      this.#set(Number(offset), value.u32());
    state.at('msix').bytes(this.#msixTable.length).copy(this.#msixTable);
    this.#waiting = [];
    this.#parts = [];
    this.#signalled = 0;
  }

  read(offset: number, width: Width): Word {
    const at = offset - (offset % 4);
    return toWord(BigInt(this.#read(at)) >> BigInt(8 * (offset - at)), width);
  }

  write(offset: number, width: Width, value: Word): void {
    this.#write(offset - (offset % 4), Number(toWord(value, width === 8 ? 4 : width)));
  }

  #get(offset: number): number {
    return this.#registers[offset / 4] ?? 0;
  }

  #set(offset: number, value: number): void {
    this.#registers[offset / 4] = value;
  }

  #read(offset: number): number {
    const value = this.#get(offset);
    if (offset === STATUS) return (value | this.#status()) >>> 0;
    if (offset === ICR) return this.#readCauses();
    if (CLEARED_BY_READ.has(offset)) this.#set(offset, 0);
    if (WIDE_COUNTERS.includes(offset - 4)) {
      this.#set(offset, 0);
      this.#set(offset - 4, 0);
    }
    return value;
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case CTRL:
        this.#set(CTRL, (value & ~CTRL_RESET) >>> 0);
        if (value & CTRL_RESET) this.#setAddress();
        return;
      case CTRL_EXT:
        // Bits that clear themselves: ASDCHK, EE_RST.
        this.#set(CTRL_EXT, (value & ~0x3000) >>> 0);
        return;
      case ICR:
        this.#set(ICR, (this.#get(ICR) & ~(value & CAUSE_OTHER ? value | OTHER_CAUSES : value)) >>> 0);
        this.#updateInterrupt();
        return;
      case ICS:
        this.#raise(value);
        return;
      case IMS:
        this.#set(IMS, (this.#get(IMS) | (value & 0x01f782d7)) >>> 0);
        this.#updateInterrupt();
        return;
      case IMC:
        this.#set(IMS, (this.#get(IMS) & ~value) >>> 0);
        this.#updateInterrupt();
        return;
      case RCTL:
        this.#set(RCTL, value);
        this.#receiveWaiting();
        return;
      case RDT:
        this.#set(RDT, value & 0xffff);
        this.#receiveWaiting();
        return;
      case TCTL:
        this.#set(TCTL, value);
        this.#transmit();
        return;
      case TDT:
        this.#set(TDT, value & 0xffff);
        this.#transmit();
        return;
      default: {
        const mask = PLAIN.get(offset);
        if (mask !== undefined) this.#set(offset, (value & mask) >>> 0);
      }
    }
  }

  #reset(): void {
    this.#registers.fill(0);
    for (const [offset, value] of INITIAL) this.#set(offset, value);
    this.#setAddress();
    this.#waiting = [];
    this.#parts = [];
    this.#signalled = 0;
    this.#updateInterrupt();
  }

  #setAddress(): void {
    this.#set(RAL0, this.#address.readUInt32LE(0));
    this.#set(RAL0 + 4, (this.#address.readUInt16LE(4) | ADDRESS_VALID) >>> 0);
  }

  #status(): number {
    const master = this.#get(CTRL) & CTRL_MASTER_DISABLE ? 0 : STATUS_MASTER_ENABLED;
    return master | STATUS_FULL_DUPLEX | STATUS_SPEED_1000;
  }

  /** e1000e_start_xmit() */
  #transmit(): void {
    if ((this.#get(TCTL) & ENABLE) === 0) return;
    let causes = CAUSE_TXQE;
    while (!this.#isEmpty(TRANSMIT)) {
      const at = this.#head(TRANSMIT);
      const descriptor = this.#fn.readDma(at, DESCRIPTOR) ?? Buffer.alloc(DESCRIPTOR);
      const command = descriptor.readUInt32LE(8);
      const part = this.#fn.readDma(descriptor.readBigUInt64LE(0), command & 0xffff);
      if (part !== null) this.#parts.push(part);
      if (command & COMMAND_EOP) {
        if (this.#parts.length > 0) this.#send(Buffer.concat(this.#parts));
        this.#parts = [];
      }
      if (command & COMMAND_RS) {
        const status = Buffer.alloc(4);
        status.writeUInt32LE((descriptor.readUInt32LE(12) | DONE) >>> 0);
        this.#fn.writeDma(at + 12n, status);
        causes |= this.#fn.config.msixEnabled ? CAUSE_TXQ0 : CAUSE_TXDW;
      }
      this.#advance(TRANSMIT);
    }
    this.#raise(causes);
  }

  #send(packet: Buffer): void {
    this.#count(TPT);
    this.#countWide(TOTL, packet.length);
    // GPTC takes over TPT's value, which only a read of TPT clears.
    this.#set(GPTC, this.#get(TPT));
    for (const half of [0, 4]) this.#set(GOTCL + half, this.#get(TOTL + half));
    this.#peer?.receive(packet);
  }

  /** Takes a packet from the cable. */
  receive(packet: Buffer): void {
    if (this.#waiting.length >= WAITING) return;
    this.#waiting.push(packet);
    this.#receiveWaiting();
  }

  #receiveWaiting(): void {
    while (this.#canReceive()) {
      const packet = this.#waiting.shift();
      if (packet === undefined) return;
      if (this.#deliver(packet)) continue;
      this.#waiting.unshift(packet);
      return;
    }
  }

  /** e1000e_can_receive() */
  #canReceive(): boolean {
    const isOn = (this.#get(RCTL) & ENABLE) !== 0 && (this.#get(STATUS) & STATUS_LINK_UP) !== 0;
    return isOn && this.#fn.config.mastersBus && this.#get(RECEIVE + LENGTH) > 0 && this.#room() > 0;
  }

  /** e1000e_receive_iov(). Returns false for a packet that has to wait for descriptors. */
  #deliver(sent: Buffer): boolean {
    const packet = sent.length < SHORTEST ? Buffer.concat([sent, Buffer.alloc(SHORTEST - sent.length)]) : sent;
    if (sent.length < SHORTEST) this.#count(RUC);
    if (packet.length > LONGEST && (this.#get(RCTL) & RCTL_LONG) === 0) {
      this.#count(ROC);
      return true;
    }
    if (!this.#isForUs(packet) || this.#get(RFCTL) & RFCTL_EXTENDED) return true;
    const crc = this.#get(RCTL) & RCTL_STRIP_CRC ? 0 : CRC;
    const size = this.#bufferSize();
    if (packet.length + crc > this.#room() * size) {
      this.#raise(CAUSE_RXO);
      return false;
    }
    const data = Buffer.concat([packet, Buffer.alloc(crc)]);
    for (let offset = 0; offset < data.length; offset += size) {
      const part = data.subarray(offset, offset + size);
      const at = this.#head(RECEIVE);
      const descriptor = this.#fn.readDma(at, DESCRIPTOR) ?? Buffer.alloc(DESCRIPTOR);
      this.#fn.writeDma(descriptor.readBigUInt64LE(0), part);
      descriptor.writeUInt32LE(part.length, 8);
      descriptor.writeUInt32LE(offset + size >= data.length ? DONE | END_OF_PACKET : DONE, 12);
      this.#fn.writeDma(at, descriptor);
      this.#advance(RECEIVE);
    }
    this.#countReceived(packet);
    this.#raise(this.#fn.config.msixEnabled ? CAUSE_RXQ0 : CAUSE_RXT0);
    return true;
  }

  /** e1000x_rxbufsize() */
  #bufferSize(): number {
    const control = this.#get(RCTL);
    const size = (control >>> 16) & 3;
    if (control & (1 << 25)) return [2048, 16384, 8192, 4096][size] ?? 2048;
    return [2048, 1024, 512, 256][size] ?? 2048;
  }

  /** e1000e_receive_filter() */
  #isForUs(packet: Buffer): boolean {
    const control = this.#get(RCTL);
    const isGroup = ((packet[0] ?? 0) & 1) !== 0;
    const isBroadcast = packet.subarray(0, 6).every((byte) => byte === 0xff);
    if (control & (isBroadcast ? RCTL_BROADCAST : isGroup ? RCTL_MULTICAST : RCTL_UNICAST)) return true;
    for (let i = 0; i < ADDRESSES; i++) {
      const high = this.#get(RAL0 + 8 * i + 4);
      if ((high & ADDRESS_VALID) === 0) continue;
      if (packet.readUInt32LE(0) === this.#get(RAL0 + 8 * i) && packet.readUInt16LE(4) === (high & 0xffff)) return true;
    }
    const shift = [4, 3, 2, 0][(control >>> 12) & 3] ?? 4;
    const hash = (packet.readUInt16LE(4) >> shift) & 0xfff;
    return (this.#get(MULTICAST_TABLE + 4 * (hash >> 5)) & (1 << (hash & 31))) !== 0;
  }

  #countReceived(packet: Buffer): void {
    this.#count(TPR);
    this.#count(GPRC);
    this.#countWide(TORL, packet.length + CRC);
    this.#countWide(GORCL, packet.length + CRC);
    if (((packet[0] ?? 0) & 1) === 0) return;
    this.#count(packet.subarray(0, 6).every((byte) => byte === 0xff) ? BPRC : MPRC);
  }

  #count(counter: number): void {
    this.#set(counter, Math.min(this.#get(counter) + 1, 0xffff_ffff));
  }

  #countWide(low: number, bytes: number): void {
    const sum = this.#get(low) + this.#get(low + 4) * 2 ** 32 + bytes;
    this.#set(low, sum % 2 ** 32);
    this.#set(low + 4, Math.floor(sum / 2 ** 32));
  }

  #isEmpty(ring: number): boolean {
    const tail = this.#get(ring + TAIL);
    return this.#get(ring + HEAD) === tail || tail >= this.#get(ring + LENGTH) / DESCRIPTOR;
  }

  #head(ring: number): bigint {
    const base = (BigInt(this.#get(ring + 4)) << 32n) + BigInt(this.#get(ring));
    return base + BigInt(DESCRIPTOR * this.#get(ring + HEAD));
  }

  #advance(ring: number): void {
    const next = this.#get(ring + HEAD) + 1;
    this.#set(ring + HEAD, next * DESCRIPTOR >= this.#get(ring + LENGTH) ? 0 : next);
  }

  /** e1000e_ring_free_descr_num(), of the ring for receiving. */
  #room(): number {
    const free = this.#get(RDT) - this.#get(RECEIVE + HEAD);
    return free >= 0 ? free : free + this.#get(RECEIVE + LENGTH) / DESCRIPTOR;
  }

  #raise(causes: number): void {
    this.#set(ICR, (this.#get(ICR) | causes) >>> 0);
    this.#updateInterrupt();
  }

  /** e1000e_update_interrupt_state() */
  #updateInterrupt(): void {
    const isMsix = this.#fn.config.msixEnabled;
    let causes = this.#get(ICR) & ~ASSERTED;
    if (isMsix && causes & OTHER_CAUSES) causes |= CAUSE_OTHER;
    this.#set(ICR, (causes === 0 ? 0 : causes | ASSERTED) >>> 0);
    const pending = causes & this.#get(IMS);
    this.#signalled &= pending;
    if (isMsix) this.#sendMessages(pending & ~this.#signalled);
    else this.#fn.setInterrupt(pending !== 0);
  }

  /** e1000e_msix_notify() */
  #sendMessages(causes: number): void {
    this.#signalled |= causes;
    for (const [cause, shift] of VECTORS) {
      if ((causes & cause) === 0) continue;
      const entry = (this.#get(IVAR) >>> shift) & 0xf;
      const cleared = this.#get(EIAC) & cause;
      this.#set(ICR, (this.#get(ICR) & ~cleared) >>> 0);
      this.#signalled &= ~cleared;
      if ((this.#get(CTRL_EXT) & CTRL_EXT_EIAME) !== 0) this.#set(IAM, (this.#get(IAM) & ~cause) >>> 0);
      if ((this.#get(CTRL_EXT) & CTRL_EXT_IAME) === 0) this.#set(IMS, (this.#get(IMS) & ~cleared) >>> 0);
      if (entry & 8) this.#fn.sendMessage(entry & 7);
    }
  }

  /** e1000e_mac_icr_read() */
  #readCauses(): number {
    const causes = this.#get(ICR);
    const isAutomatic = (causes & ASSERTED) !== 0 && (this.#get(CTRL_EXT) & CTRL_EXT_IAME) !== 0;
    if (this.#get(IMS) === 0 || isAutomatic) this.#set(ICR, 0);
    if (isAutomatic) this.#set(IMS, (this.#get(IMS) & ~this.#get(IAM)) >>> 0);
    this.#updateInterrupt();
    return causes;
  }
}
