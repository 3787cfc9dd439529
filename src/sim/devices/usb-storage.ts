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
  readonly data: Buffer;
  readonly status: number;
}

/** QEMU's usb-storage with an empty disk: writes are forgotten, reads give zeros. */
export class UsbStorage extends UsbFunction {
  readonly #blocks: number;
  #command: ScsiCommand | null = null;
  #sense = NO_SENSE;

  /** @param blocks of 512 bytes */
  constructor(identity: UsbIdentity, blocks: number) {
    super(identity);
    this.#blocks = blocks;
  }

  override packetOut(endpoint: number, packet: Buffer): 'ack' | SetupRefusal {
    const command = this.#command;
    if (command === null) return this.#begin(packet);
    if (command.isIn || packet.length > command.left) return 'stall';
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
    const result = this.#execute(wrapper.subarray(15, 15 + (wrapper.readUInt8(14) & 0x1f)));
    if (!Buffer.isBuffer(result)) this.#sense = result;
    this.#command = {
      tag: wrapper.readUInt32LE(4),
      length,
      left: length,
      isIn: (wrapper.readUInt8(12) & 0x80) !== 0,
      data: Buffer.isBuffer(result) ? result : Buffer.alloc(0),
      status: Buffer.isBuffer(result) ? PASSED : FAILED,
    };
    this.onReady(0x81);
    return 'ack';
  }

  /** Executes a SCSI command. @returns its data, empty for none, or the sense of its failure */
  #execute(command: Buffer): Buffer | typeof NO_SENSE {
    switch (command[0]) {
      case 0x00: // TEST UNIT READY
        return Buffer.alloc(0);
      case 0x03: // REQUEST SENSE
        return this.#takeSense();
      case 0x12: // INQUIRY
        return INQUIRY;
      case 0x1a: // MODE SENSE(6)
        return Buffer.of(3, 0, 0, 0);
      case 0x25: // READ CAPACITY(10)
        return capacity(this.#blocks);
      case 0x28: // READ(10)
      case 0x2a: // WRITE(10)
        return command.length === 10 && command.readUInt32BE(2) + command.readUInt16BE(7) <= this.#blocks
          ? Buffer.alloc(0)
          : OUT_OF_RANGE;
      default:
        return INVALID_COMMAND;
    }
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
