import { hexOf, type Saved, type StateReader } from '../state/saved';
import { type SetupPacket, type SetupRefusal, UsbFunction } from '../usb/function';
import type { UsbIdentity } from '../usb/identity';

/** USB Mass Storage Class, Bulk-Only Transport 1.0: requests, and the wrappers of command and status. */
const GET_MAX_LUN = 0xfe;
const BULK_ONLY_RESET = 0xff;
const CBW_SIGNATURE = 0x43425355;
const CBW_SIZE = 31;
const CSW_SIGNATURE = 0x53425355;
const CSW_SIZE = 13;
const PASSED = 0;
const FAILED = 1;

const BLOCK = 512;
/** Bits of a CDB's length. */
const CDB_MOST = 0x1f;
/** SCSI: sense keys, and the additional codes that go with them. */
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

/** QEMU's usb-storage with a disk of zeros. */
export class UsbStorage extends UsbFunction {
  readonly #blocks: number;
  #command: ScsiCommand | null = null;
  #sense = NO_SENSE;
  /** Blocks that are not zero. */
  readonly #disk = new Map<number, Buffer>();

  /** @param blocks of 512 bytes */
  constructor(identity: UsbIdentity, blocks: number) {
    super(identity);
    this.#blocks = blocks;
  }

  override packetOut(endpoint: number, packet: Buffer): 'ack' | SetupRefusal {
    const command = this.#command;
    if (command === null) return this.#begin(packet);
    if (command.isIn || packet.length > command.left) return 'stall';
    this.#write(command, packet);
    command.left -= packet.length;
    if (command.left === 0) this.onReady(endpoint | 0x80);
    return 'ack';
  }

  override packetIn(_endpoint: number, size: number): Buffer | SetupRefusal {
    const command = this.#command;
    if (command === null) return 'nak';
    if (command.left > 0 && !command.isIn) return 'nak';
    if (command.left > 0) {
      const start = command.length - command.left;
      const length = Math.min(size, command.left);
      command.left -= length;
      // Zeros fill up the data that the command does not give.
      return Buffer.concat([command.data.subarray(start, start + length)], length);
    }
    this.#command = null;
    const status = Buffer.alloc(CSW_SIZE);
    status.writeUInt32LE(CSW_SIGNATURE, 0);
    status.writeUInt32LE(command.tag, 4);
    status.writeUInt8(command.status, 12);
    return status;
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

  #begin(wrapper: Buffer): 'ack' | 'stall' {
    if (wrapper.length !== CBW_SIZE || wrapper.readUInt32LE(0) !== CBW_SIGNATURE) return 'stall';
    const length = wrapper.readUInt32LE(8);
    const result = this.#execute(wrapper.subarray(15, 15 + (wrapper.readUInt8(14) & CDB_MOST)));
    if ('key' in result) this.#sense = result;
    this.#command = {
      tag: wrapper.readUInt32LE(4),
      length,
      left: length,
      isIn: (wrapper.readUInt8(12) & 0x80) !== 0,
      ...('key' in result ? DONE : result),
      status: 'key' in result ? FAILED : PASSED,
    };
    this.onReady(0x81);
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
        return { ...DONE, data: capacity(this.#blocks) };
      case 0x28: // READ(10)
      case 0x2a: {
        // WRITE(10)
        if (command.length !== 10) return OUT_OF_RANGE;
        const [block, count] = [command.readUInt32BE(2), command.readUInt16BE(7)];
        if (block + count > this.#blocks) return OUT_OF_RANGE;
        return command[0] === 0x2a
          ? { ...DONE, writes: { block, count } }
          : { ...DONE, data: this.#read(block, count) };
      }
      default:
        return INVALID_COMMAND;
    }
  }

  #read(block: number, count: number): Buffer {
    return Buffer.concat(Array.from({ length: count }, (_, i) => this.#disk.get(block + i) ?? ZEROS));
  }

  /** Writes a packet to the blocks that the command names. */
  #write({ writes, length, left }: ScsiCommand, packet: Buffer): void {
    if (writes === null) return;
    for (let done = 0; done < packet.length; ) {
      const at = length - left + done;
      const index = Math.floor(at / BLOCK);
      if (index >= writes.count) return;
      const bytes = packet.subarray(done, done + BLOCK - (at % BLOCK));
      const block = Buffer.from(this.#disk.get(writes.block + index) ?? ZEROS);
      bytes.copy(block, at % BLOCK);
      if (block.equals(ZEROS)) this.#disk.delete(writes.block + index);
      else this.#disk.set(writes.block + index, block);
      done += bytes.length;
    }
  }

  protected override saveOwn(): Saved {
    const command = this.#command && { ...this.#command, data: hexOf(this.#command.data) };
    const disk = Object.fromEntries([...this.#disk].map(([block, bytes]) => [block, hexOf(bytes)]));
    return { command, sense: this.#sense, disk };
  }

  protected override restoreOwn(state: StateReader): void {
    this.#command = state.at('command').orNull((command) => this.#readCommand(command));
    const sense = state.at('sense');
    this.#sense = { key: sense.at('key').integer(0xf), code: sense.at('code').integer(0xff) };
    this.#disk.clear();
    for (const [block, bytes] of state.at('disk').entries(this.#blocks)) {
      if (!/^\d+$/.test(block) || Number(block) >= this.#blocks) bytes.fail('is no block of the disk');
      this.#disk.set(Number(block), bytes.bytes(BLOCK));
    }
  }

  #readCommand(state: StateReader): ScsiCommand {
    const length = state.at('length').u32();
    const writes = state.at('writes').orNull((range) => {
      const block = range.at('block').integer(this.#blocks);
      return { block, count: range.at('count').integer(Math.min(0xffff, this.#blocks - block)) };
    });
    return {
      tag: state.at('tag').u32(),
      length,
      left: state.at('left').integer(length),
      isIn: state.at('isIn').flag(),
      data: state.at('data').bytesUpTo(0xffff * BLOCK),
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
    data.writeUInt8(this.#sense.code, 12);
    this.#sense = NO_SENSE;
    return data;
  }
}

const ZEROS = Buffer.alloc(BLOCK);

/** A direct-access block device of SPC-3, not removable. */
const INQUIRY = Buffer.concat([
  Buffer.of(0, 0, 5, 2, 31, 0, 0, 0x10),
  Buffer.from('QEMU    QEMU HARDDISK   2.5+', 'latin1'),
]);

function capacity(blocks: number): Buffer {
  const data = Buffer.alloc(8);
  data.writeUInt32BE(blocks - 1, 0);
  data.writeUInt32BE(BLOCK, 4);
  return data;
}
