import { hexOf, type Saved, type StateReader } from '../state/saved';
import { type SetupPacket, type SetupRefusal, UsbFunction } from '../usb/function';
import type { UsbIdentity } from '../usb/identity';
import { Disk } from './disk';

/** USB Mass Storage Class, Bulk-Only Transport 1.0: requests, and the wrappers of command and status. */
const GET_MAX_LUN = 0xfe;
const BULK_ONLY_RESET = 0xff;
const CBW_SIGNATURE = 0x43425355;
const CBW_SIZE = 31;
const CSW_SIGNATURE = 0x53425355;
const CSW_SIZE = 13;
const PASSED = 0;
const FAILED = 1;
const PHASE_ERROR = 2;

/** The bulk IN endpoint. */
const SOURCE = 0x81;
/** Bits of a CDB's length. */
const CDB_MOST = 0x1f;
/** SCSI: sense keys, and the additional codes that go with them; a qualifier stands above the code. */
const NO_SENSE = { key: 0, code: 0 };
const INVALID_COMMAND = { key: 5, code: 0x20 };
const OUT_OF_RANGE = { key: 5, code: 0x21 };

interface ScsiCommand {
  readonly tag: number;
  /** The bytes that the host expects to be transferred, and the rest of them. */
  readonly length: number;
  left: number;
  readonly isIn: boolean;
  /** The data that goes in. */
  readonly data: Buffer;
  /** The block that data out is for, and the number of blocks; null where it is for none. */
  readonly writes: { readonly block: number; readonly count: number } | null;
  readonly status: number;
}

/** The outcome of a command without data. */
const DONE = { data: Buffer.alloc(0), writes: null };

/** A failure that a test has a disk show, with the next command. */
export interface StorageFault {
  /** Fails the command, by this sense key, additional code and qualifier. */
  readonly sense?: readonly [key: number, code: number, qualifier: number];
  /** Ends the data of the command with a stall, as many sticks do; QEMU fills it up. */
  readonly stalls?: boolean;
  /** Spoils the wrapper of the status. */
  readonly status?: 'signature' | 'tag' | 'phase' | 'residue';
}

/** QEMU's usb-storage with a disk of zeros. */
export class UsbStorage extends UsbFunction {
  readonly #disk: Disk;
  #command: ScsiCommand | null = null;
  #sense = NO_SENSE;
  /** Failures to come, one for each command. */
  readonly #faults: StorageFault[] = [];
  #fault: StorageFault = {};

  /** @param blocks of 512 bytes */
  constructor(identity: UsbIdentity, blocks: number) {
    super(identity);
    this.#disk = new Disk(blocks);
  }

  /** Has the next commands fail, each in its way. */
  fail(...faults: StorageFault[]): void {
    this.#faults.push(...faults);
  }

  override packetOut(_endpoint: number, packet: Buffer): 'ack' | SetupRefusal {
    const command = this.#command;
    if (command === null) return this.#begin(packet);
    if (command.isIn || packet.length > command.left) return 'stall';
    if (this.#fault.stalls) return this.#stall(command);
    this.#write(command, packet);
    command.left -= packet.length;
    if (command.left === 0) this.onReady(SOURCE);
    return 'ack';
  }

  override packetIn(_endpoint: number, size: number): Buffer | SetupRefusal {
    const command = this.#command;
    if (command === null) return 'nak';
    if (command.left > 0 && !command.isIn) return 'nak';
    if (command.left > 0) {
      if (this.#fault.stalls) return this.#stall(command);
      const start = command.length - command.left;
      const length = Math.min(size, command.left);
      command.left -= length;
      // Zeros fill up the data that the command does not give.
      return Buffer.concat([command.data.subarray(start, start + length)], length);
    }
    this.#command = null;
    return this.#status(command);
  }

  protected override started(): void {
    this.#command = null;
  }

  protected override request({ bmRequestType, bRequest }: SetupPacket): Buffer | 'stall' {
    if (bmRequestType === 0xa1 && bRequest === GET_MAX_LUN) return Buffer.of(0);
    if (bmRequestType !== 0x21 || bRequest !== BULK_ONLY_RESET) return 'stall';
    this.#command = null;
    return Buffer.alloc(0);
  }

  /** Ends the data of a command with a stall; its status comes once the halt is cleared. */
  #stall(command: ScsiCommand): 'stall' {
    command.left = 0;
    this.onReady(SOURCE);
    return 'stall';
  }

  #status({ tag, length, data, writes, status }: ScsiCommand): Buffer {
    const { status: spoilt } = this.#fault;
    const moved = writes === null ? data.length : writes.count * Disk.BLOCK;
    const wrapper = Buffer.alloc(CSW_SIZE);
    wrapper.writeUInt32LE(spoilt === 'signature' ? 0 : CSW_SIGNATURE, 0);
    wrapper.writeUInt32LE(spoilt === 'tag' ? (tag ^ 1) >>> 0 : tag, 4);
    wrapper.writeUInt32LE(spoilt === 'residue' ? length : Math.max(0, length - moved), 8);
    wrapper.writeUInt8(spoilt === 'phase' ? PHASE_ERROR : status, 12);
    return wrapper;
  }

  #begin(wrapper: Buffer): 'ack' | 'stall' {
    if (wrapper.length !== CBW_SIZE || wrapper.readUInt32LE(0) !== CBW_SIGNATURE) return 'stall';
    // There is one unit, 0.
    if (wrapper.readUInt8(13) !== 0) return 'stall';
    const length = wrapper.readUInt32LE(8);
    this.#fault = this.#faults.shift() ?? {};
    const [key, code = 0, qualifier = 0] = this.#fault.sense ?? [];
    const result =
      key !== undefined
        ? { key, code: code | (qualifier << 8) }
        : this.#execute(wrapper.subarray(15, 15 + (wrapper.readUInt8(14) & CDB_MOST)));
    if ('key' in result) this.#sense = result;
    this.#command = {
      tag: wrapper.readUInt32LE(4),
      length,
      left: length,
      isIn: (wrapper.readUInt8(12) & 0x80) !== 0,
      ...('key' in result ? DONE : result),
      status: 'key' in result ? FAILED : PASSED,
    };
    this.onReady(SOURCE);
    return 'ack';
  }

  /** Executes a SCSI command. @returns its data, or the sense of its failure */
  #execute(command: Buffer): Pick<ScsiCommand, 'data' | 'writes'> | typeof NO_SENSE {
    switch (command[0]) {
      case 0x00: // TEST UNIT READY
        return DONE;
      case 0x03: // REQUEST SENSE
        return { ...DONE, data: this.#takeSense() };
      case 0x12: // INQUIRY
        return { ...DONE, data: INQUIRY };
      case 0x1a: // MODE SENSE(6)
        return { ...DONE, data: Buffer.of(3, 0, 0, 0) };
      case 0x25: // READ CAPACITY(10)
        return { ...DONE, data: capacity(this.#disk.length) };
      case 0x9e: // SERVICE ACTION IN(16)
        return (command[1] ?? 0) % 32 === 0x10 ? { ...DONE, data: longCapacity(this.#disk.length) } : INVALID_COMMAND;
      case 0x35: // SYNCHRONIZE CACHE, (10) and (16)
      case 0x91:
        return DONE;
      case 0x28: // READ(10), WRITE(10)
      case 0x2a:
        if (command.length !== 10) return OUT_OF_RANGE;
        return this.#move(command[0] === 0x2a, command.readUInt32BE(2), command.readUInt16BE(7));
      case 0x88: // READ(16), WRITE(16)
      case 0x8a:
        if (command.length !== 16) return OUT_OF_RANGE;
        return this.#move(command[0] === 0x8a, Number(command.readBigUInt64BE(2)), command.readUInt32BE(10));
      default:
        return INVALID_COMMAND;
    }
  }

  #move(isWrite: boolean, block: number, count: number): Pick<ScsiCommand, 'data' | 'writes'> | typeof NO_SENSE {
    if (block + count > this.#disk.length) return OUT_OF_RANGE;
    return isWrite ? { ...DONE, writes: { block, count } } : { ...DONE, data: this.#disk.read(block, count) };
  }

  /** Writes a packet to the blocks that the command names. */
  #write({ writes, length, left }: ScsiCommand, packet: Buffer): void {
    if (writes === null) return;
    const at = length - left;
    this.#disk.write(writes.block, packet.subarray(0, Math.max(0, writes.count * Disk.BLOCK - at)), at);
  }

  protected override saveOwn(): Saved {
    const command = this.#command && { ...this.#command, data: hexOf(this.#command.data) };
    return { command, sense: this.#sense, disk: this.#disk.save() };
  }

  protected override restoreOwn(state: StateReader): void {
    this.#command = state.at('command').orNull((command) => this.#readCommand(command));
    const sense = state.at('sense');
    this.#sense = { key: sense.at('key').integer(0xf), code: sense.at('code').integer(0xffff) };
    this.#disk.restore(state.at('disk'));
  }

  #readCommand(state: StateReader): ScsiCommand {
    const length = state.at('length').u32();
    const writes = state.at('writes').orNull((range) => {
      const block = range.at('block').integer(this.#disk.length);
      return { block, count: range.at('count').integer(Math.min(0xffff, this.#disk.length - block)) };
    });
    return {
      tag: state.at('tag').u32(),
      length,
      left: state.at('left').integer(length),
      isIn: state.at('isIn').flag(),
      data: state.at('data').bytesUpTo(0xffff * Disk.BLOCK),
      writes,
      status: state.at('status').integer(FAILED),
    };
  }

  /** Gives sense data in the fixed format, once. */
  #takeSense(): Buffer {
    const data = Buffer.alloc(18);
    data.writeUInt8(0x70, 0);
    data.writeUInt8(this.#sense.key, 2);
    data.writeUInt8(data.length - 8, 7);
    data.writeUInt16LE(this.#sense.code, 12);
    this.#sense = NO_SENSE;
    return data;
  }
}

/** A direct-access block device of SPC-3, not removable. */
const INQUIRY = Buffer.concat([
  Buffer.of(0, 0, 5, 2, 31, 0, 0, 0x10),
  Buffer.from('QEMU    QEMU HARDDISK   2.5+', 'latin1'),
]);

function capacity(blocks: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(blocks - 1, 0);
  data.writeUInt32BE(Disk.BLOCK, 4);
  return data;
}

function longCapacity(blocks: number): Buffer {
  const data = Buffer.alloc(32);
  data.writeBigUInt64BE(BigInt(blocks - 1), 0);
  data.writeUInt32BE(Disk.BLOCK, 8);
  return data;
}
