import { closedError, Exit, UdrvError } from '../errors';
import { type DataResult, type StreamOptions, type TransferResult, transferError, type UsbDevice } from '../usb';

/**
 * A driver of USB disks over usbfs. USB Mass Storage Class, Bulk-Only Transport 1.0: section 3 (requests), 5 (wrappers
 * of command and status) and 6 (errors). The commands are SCSI's: SPC-4 (INQUIRY, REQUEST SENSE, TEST UNIT READY) and
 * SBC-3 (READ CAPACITY, READ, WRITE, SYNCHRONIZE CACHE).
 */

const CLASS_STORAGE = '08';
const SCSI_TRANSPARENT = '06';
const BULK_ONLY = '50';
const GET_MAX_LUN = 0xfe;
const BULK_ONLY_RESET = 0xff;

const CBW_SIGNATURE = 0x43425355;
const CBW_SIZE = 31;
const CSW_SIGNATURE = 0x53425355;
const CSW_SIZE = 13;
const PASSED = 0;
const FAILED = 1;

const TEST_UNIT_READY = 0x00;
const REQUEST_SENSE = 0x03;
const INQUIRY = 0x12;
const READ_CAPACITY_10 = 0x25;
const READ_10 = 0x28;
const WRITE_10 = 0x2a;
const SYNCHRONIZE_CACHE_10 = 0x35;
const READ_16 = 0x88;
const WRITE_16 = 0x8a;
const SERVICE_ACTION_IN_16 = 0x9e;
const READ_CAPACITY_16 = 0x10;

const INQUIRY_SIZE = 36;
const SENSE_SIZE = 18;
/** Answered by READ CAPACITY(10) where the last block has a higher number. */
const MOST_BLOCKS_10 = 0xffff_ffff;

const NOT_READY = 2;
const ILLEGAL_REQUEST = 5;
const UNIT_ATTENTION = 6;
/** Additional code and qualifier: LOGICAL UNIT IS IN PROCESS OF BECOMING READY. */
const BECOMING_READY = 0x0401;
/** Tries of a command that is answered by a unit attention: there may be several to tell. */
const ATTENTIONS = 4;
const READY_POLL_MS = 100;

const TIMEOUT_MS = 30_000;
/** Bound on the first question, which every disk answers at once. */
const FIRST_MS = 2000;
/** Bytes of one command: the kernel's driver has found these safe (drivers/usb/storage/scsiglue.c). */
const MOST_BYTES = 120 * 1024;
const MOST_BYTES_SUPER_SPEED = 1024 * 1024;

const NOTHING = Buffer.alloc(0);

export interface UsbStorageOptions {
  /** The logical unit: 0 if not given. */
  lun?: number | undefined;
  /** Longest time for a stage of a command, and for the disk to become ready. 30 s if not given. */
  timeoutMs?: number | undefined;
  /** Most bytes of one command. 120 KiB if not given, 1 MiB at SuperSpeed. */
  maxTransfer?: number | undefined;
}

export interface UsbStorageInquiry {
  /** PERIPHERAL DEVICE TYPE; 0 is a disk. */
  type: number;
  removable: boolean;
  vendor: string;
  product: string;
  revision: string;
}

/** The reason that a unit gives for a failure: SPC-4, section 4.5. */
export interface Sense {
  key: number;
  /** ADDITIONAL SENSE CODE and its qualifier. */
  asc: number;
  ascq: number;
}

/** The failure of a SCSI command, with its sense. */
export class ScsiError extends UdrvError {
  readonly sense: Sense;

  constructor(command: string, sense: Sense, device: string) {
    super(`${command}: ${senseText(sense)}`, { code: 'EIO', exit: Exit.deviceError, device });
    this.name = 'ScsiError';
    this.sense = sense;
  }
}

/**
 * A USB disk that is driven from here. The kernel's driver gets it back when the device is closed; a file system on it
 * must not be mounted meanwhile. Commands run one after another, whoever calls: the transport has no queue.
 *
 * @example
 * using device = UsbDevice.open(sys, info);
 * await using disk = await UsbStorage.open(device);
 * const buffer = Buffer.alloc(8 * disk.blockSize);
 * await disk.read(buffer, 0);
 */
export class UsbStorage {
  readonly inquiry: UsbStorageInquiry;
  readonly blocks: number;
  /** In bytes. */
  readonly blockSize: number;
  /** The highest number of a logical unit. */
  readonly maxLun: number;
  readonly #port: UsbStoragePort;
  readonly #maxCount: number;
  /** The command, READ or WRITE, of the transfer that is under way. */
  readonly #command = Buffer.alloc(16);
  #isDirty = false;

  private constructor(port: UsbStoragePort, maxLun: number, inquiry: UsbStorageInquiry, capacity: Capacity) {
    this.#port = port;
    this.maxLun = maxLun;
    this.inquiry = inquiry;
    this.blocks = capacity.blocks;
    this.blockSize = capacity.blockSize;
    this.#maxCount = Math.min(0xffff, Math.max(1, Math.floor(port.maxTransfer / capacity.blockSize)));
  }

  /**
   * Takes the disk from its driver, and waits until it is ready.
   *
   * @throws exit 9 where the device is no disk with this transport; {@link ScsiError} where it has no medium
   */
  static async open(device: UsbDevice, options: UsbStorageOptions = {}): Promise<UsbStorage> {
    const port = new UsbStoragePort(device, options);
    try {
      const maxLun = await port.maxLun();
      const inquiry = await port.firstInquiry();
      await port.ready();
      return new UsbStorage(port, maxLun, inquiry, await port.capacity());
    } catch (error) {
      await port.close();
      throw error;
    }
  }

  /** Reads blocks, as many as the buffer has room for. */
  async read(buffer: Uint8Array, block: number): Promise<void> {
    await this.#move(buffer, block, true);
  }

  /** Writes blocks, as many as the buffer has. They may be in the disk's cache still: {@link flush}. */
  async write(buffer: Uint8Array, block: number): Promise<void> {
    this.#isDirty = true;
    await this.#move(buffer, block, false);
  }

  /** Waits until what was written is on the medium. A disk that does not know the command has no cache (sd.c agrees). */
  async flush(): Promise<void> {
    try {
      await this.#port.run('SYNCHRONIZE CACHE', command(SYNCHRONIZE_CACHE_10, 10));
    } catch (error) {
      if (!(error instanceof ScsiError && error.sense.key === ILLEGAL_REQUEST)) throw error;
    }
    this.#isDirty = false;
  }

  /** @throws ScsiError where the unit is not ready, with the reason */
  async testUnitReady(): Promise<void> {
    await this.#port.run('TEST UNIT READY', command(TEST_UNIT_READY, 6));
  }

  /**
   * Runs any command.
   *
   * @param name for messages
   * @param direction of the data that goes with it; its length is the buffer's
   * @returns the bytes of the data that were moved
   */
  async run(name: string, command: Uint8Array, data: Uint8Array = NOTHING, direction: 'in' | 'out' = 'in') {
    return await this.#port.run(name, command, data, direction);
  }

  /** Ends the command that runs, and leaves the disk ready for the next driver. Writes what is in its cache first. */
  async close(): Promise<void> {
    try {
      if (this.#isDirty && !this.#port.isBusy) await this.flush();
    } catch (error) {
      // Nothing is to be saved on a disk that was pulled out.
      if (!(error instanceof UdrvError && error.exit === Exit.gone)) throw error;
    } finally {
      this.#isDirty = false;
      await this.#port.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #move(buffer: Uint8Array, block: number, isIn: boolean): Promise<void> {
    const count = buffer.length / this.blockSize;
    if (!Number.isSafeInteger(count) || count < 1)
      throw new RangeError(`${buffer.length} bytes are not whole blocks of ${this.blockSize}`);
    if (!Number.isSafeInteger(block) || block < 0 || block + count > this.blocks)
      throw new RangeError(`${count} blocks from ${block} are not among the ${this.blocks} of the disk`);
    const [name, direction] = isIn ? (['READ', 'in'] as const) : (['WRITE', 'out'] as const);
    await this.#port.inTurn(async () => {
      for (let done = 0; done < count; done += this.#maxCount) {
        const some = Math.min(this.#maxCount, count - done);
        const data = buffer.subarray(done * this.blockSize, (done + some) * this.blockSize);
        const moved = await this.#port.execute(name, this.#address(isIn, block + done, some), data, direction);
        if (moved !== data.length) throw this.#port.failed(`${name} moved ${moved} of ${data.length} bytes`);
      }
    });
  }

  /** Makes the command for some blocks: of 10 bytes as long as their numbers fit. */
  #address(isIn: boolean, block: number, count: number): Buffer {
    const all = this.#command;
    if (this.blocks <= MOST_BLOCKS_10) {
      all[0] = isIn ? READ_10 : WRITE_10;
      all.writeUInt32BE(block, 2);
      all.writeUInt16BE(count, 7);
      return all.subarray(0, 10);
    }
    all[0] = isIn ? READ_16 : WRITE_16;
    all.writeUInt32BE(Math.floor(block / 2 ** 32), 2);
    all.writeUInt32BE(block % 2 ** 32, 6);
    all.writeUInt32BE(count, 10);
    return all;
  }
}

interface Capacity {
  blocks: number;
  blockSize: number;
}

/** The transport: one command at a time, each with its data and status. */
class UsbStoragePort {
  readonly maxTransfer: number;
  readonly #device: UsbDevice;
  readonly #lun: number;
  #timeoutMs: number;
  readonly #interface: number;
  readonly #in: number;
  readonly #out: number;
  readonly #wrapper = Buffer.alloc(CBW_SIZE);
  #tag = 0;
  #turn: Promise<unknown> = Promise.resolve();
  /** Ends the transfers of the command that is under way. */
  #abort: AbortController | null = null;
  #isClosed = false;

  constructor(device: UsbDevice, { lun = 0, timeoutMs = TIMEOUT_MS, maxTransfer }: UsbStorageOptions) {
    const { usb, address } = device.info;
    const found = usb.interfaces.find(
      (one) => one.class === CLASS_STORAGE && one.subclass === SCSI_TRANSPARENT && one.protocol === BULK_ONLY,
    );
    const endpoint = (direction: 'in' | 'out') =>
      found?.endpoints.find((one) => one.type === 'bulk' && one.direction === direction)?.address;
    const [source, sink] = [endpoint('in'), endpoint('out')];
    if (found === undefined || source === undefined || sink === undefined)
      throw new UdrvError('is no disk with bulk-only transport and SCSI commands', {
        code: 'ENOTSUP',
        exit: Exit.unsupported,
        device: address,
      });
    this.#device = device;
    this.#lun = lun;
    this.#timeoutMs = timeoutMs;
    this.maxTransfer = maxTransfer ?? ((usb.speedMbps ?? 0) >= 5000 ? MOST_BYTES_SUPER_SPEED : MOST_BYTES);
    this.#interface = found.number;
    this.#in = Number(source);
    this.#out = Number(sink);
    this.#wrapper.writeUInt32LE(CBW_SIGNATURE, 0);
    // A disk that the kernel drives by UAS has this transport in another setting.
    device.claim(found.number, { detach: true, alt: found.active ? undefined : found.alt });
  }

  get isBusy(): boolean {
    return this.#abort !== null;
  }

  /** Runs after all that was begun before. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  run(name: string, command: Uint8Array, data: Uint8Array = NOTHING, direction: 'in' | 'out' = 'in'): Promise<number> {
    return this.inTurn(() => this.execute(name, command, data, direction));
  }

  /** Asks for the highest number of a unit. A device with one may refuse: section 3.2. */
  async maxLun(): Promise<number> {
    const setup = { bmRequestType: 0xa1, bRequest: GET_MAX_LUN, wValue: 0, wIndex: this.#interface };
    const result = await this.#device.controlIn(setup, 1, { timeoutMs: this.#timeoutMs });
    if (result.status === 'stall') return 0;
    if (result.status !== 'ok') throw this.#transferFailed('Get Max LUN', result);
    return result.data[0] ?? 0;
  }

  /**
   * Asks who the unit is, twice if need be: the driver before may have died in the middle of a command. The first
   * question then fails, and with it goes the rest of that command, by the reset recovery that follows a failure.
   */
  async firstInquiry(): Promise<UsbStorageInquiry> {
    const timeoutMs = this.#timeoutMs;
    this.#timeoutMs = Math.min(timeoutMs, FIRST_MS);
    try {
      return await this.inquiry();
    } catch (error) {
      if (!(error instanceof UdrvError) || (error.exit !== Exit.deviceError && error.exit !== Exit.timeout))
        throw error;
    } finally {
      this.#timeoutMs = timeoutMs;
    }
    return await this.inquiry();
  }

  async inquiry(): Promise<UsbStorageInquiry> {
    const data = Buffer.alloc(INQUIRY_SIZE);
    const ask = command(INQUIRY, 6);
    ask[4] = INQUIRY_SIZE;
    await this.run('INQUIRY', ask, data);
    const text = (start: number, end: number) => data.toString('latin1', start, end).trim();
    return {
      type: data.readUInt8(0) & 0x1f,
      removable: (data.readUInt8(1) & 0x80) !== 0,
      vendor: text(8, 16),
      product: text(16, 32),
      revision: text(32, 36),
    };
  }

  /** Waits as long as the unit says that it is becoming ready. */
  async ready(): Promise<void> {
    const end = performance.now() + this.#timeoutMs;
    for (;;) {
      try {
        await this.run('TEST UNIT READY', command(TEST_UNIT_READY, 6));
        return;
      } catch (error) {
        if (!(error instanceof ScsiError) || !isBecomingReady(error.sense) || performance.now() > end) throw error;
      }
      await new Promise<void>((resolve) => setTimeout(resolve, READY_POLL_MS));
    }
  }

  async capacity(): Promise<Capacity> {
    const short = Buffer.alloc(8);
    await this.run('READ CAPACITY(10)', command(READ_CAPACITY_10, 10), short);
    if (short.readUInt32BE(0) !== MOST_BLOCKS_10)
      return this.#capacity(short.readUInt32BE(0) + 1, short.readUInt32BE(4));
    const long = Buffer.alloc(32);
    const ask = command(SERVICE_ACTION_IN_16, 16);
    ask[1] = READ_CAPACITY_16;
    ask.writeUInt32BE(long.length, 10);
    await this.run('READ CAPACITY(16)', ask, long);
    return this.#capacity(Number(long.readBigUInt64BE(0)) + 1, long.readUInt32BE(8));
  }

  /** Ends what runs; the reset recovery that follows an end in the middle leaves the device waiting for a command. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#abort?.abort();
    await this.#turn;
  }

  failed(message: string): UdrvError {
    return new UdrvError(message, { code: 'EIO', exit: Exit.deviceError, device: this.#device.info.address });
  }

  /**
   * Executes a command; where it fails, asks for the reason. Must be called in turn.
   *
   * @returns the bytes of the data that were moved
   */
  async execute(name: string, command: Uint8Array, data: Uint8Array, direction: 'in' | 'out'): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const moved = await this.#transport(name, command, data, direction);
      if (moved >= 0) return moved;
      const sense = await this.#sense();
      // The unit tells that it was reset, or has another medium, and did nothing yet.
      if (sense.key === UNIT_ATTENTION && attempt < ATTENTIONS) continue;
      throw new ScsiError(name, sense, this.#device.info.address);
    }
  }

  async #sense(): Promise<Sense> {
    const data = Buffer.alloc(SENSE_SIZE);
    const ask = command(REQUEST_SENSE, 6);
    ask[4] = SENSE_SIZE;
    if ((await this.#transport('REQUEST SENSE', ask, data, 'in')) < 0) throw this.failed('REQUEST SENSE failed');
    return parseSense(data);
  }

  #capacity(blocks: number, blockSize: number): Capacity {
    if (blockSize < 1 || blockSize > MOST_BYTES || !Number.isSafeInteger(blocks))
      throw this.failed(`has ${blocks} blocks of ${blockSize} bytes, which cannot be`);
    return { blocks, blockSize };
  }

  /**
   * Sends a command, moves its data and takes its status. Command and data are submitted together. The status is asked
   * for behind them: QEMU loses a request for it that comes before the data is through.
   *
   * @returns the bytes of the data that were moved; -1 where the command failed
   */
  async #transport(name: string, command: Uint8Array, data: Uint8Array, direction: 'in' | 'out'): Promise<number> {
    if (this.#isClosed) throw closedError('the disk');
    const abort = new AbortController();
    this.#abort = abort;
    try {
      const sent = this.#send(this.#wrap(command, data.length, direction)).then((result) => {
        // The data would wait for a device that knows of no command.
        if (result.status !== 'ok') abort.abort();
        return result;
      });
      const moving = data.length === 0 ? null : direction === 'out' ? this.#send(data) : this.#receive(data);
      const [wrapper, moved] = await Promise.all([sent, moving]);
      if (wrapper.status !== 'ok') throw await this.#recovered(name, wrapper);
      // A device may end the data with a stall, and tells why in its status: section 6.7.
      if (moved?.status === 'stall') this.#device.clearHalt(direction === 'out' ? this.#out : this.#in);
      else if (moved !== null && moved.status !== 'ok') throw await this.#recovered(name, moved);
      let status = await this.#readStatus();
      // Figure 2: a stall is cleared, and the status asked for once more.
      if (status.status === 'stall') {
        this.#device.clearHalt(this.#in);
        status = await this.#readStatus();
      }
      if (status.status !== 'ok') throw await this.#recovered(name, status);
      return await this.#check(name, status.data, data.length, moved?.actual ?? 0);
    } finally {
      // Nothing is left in flight where a stage could not even begin.
      abort.abort();
      this.#abort = null;
    }
  }

  /** Checks a status: sections 6.3 and 6.5. */
  async #check(name: string, status: Buffer, length: number, actual: number): Promise<number> {
    const isValid =
      status.length === CSW_SIZE &&
      status.readUInt32LE(0) === CSW_SIGNATURE &&
      status.readUInt32LE(4) === this.#tag &&
      status.readUInt8(12) <= FAILED &&
      status.readUInt32LE(8) <= length;
    if (!isValid) {
      await this.#recover();
      const isPhase = status.length === CSW_SIZE && status.readUInt8(12) > FAILED;
      throw this.failed(`${name}: ${isPhase ? 'phase error' : `invalid status ${status.toString('hex')}`}; was reset`);
    }
    if (status.readUInt8(12) !== PASSED) return -1;
    return Math.min(actual, length - status.readUInt32LE(8));
  }

  /** Fills the command block wrapper: section 5.1. */
  #wrap(command: Uint8Array, length: number, direction: 'in' | 'out'): Buffer {
    this.#tag = (this.#tag + 1) >>> 0;
    const wrapper = this.#wrapper;
    wrapper.writeUInt32LE(this.#tag, 4);
    wrapper.writeUInt32LE(length, 8);
    wrapper[12] = direction === 'in' ? 0x80 : 0;
    wrapper[13] = this.#lun;
    wrapper[14] = command.length;
    wrapper.fill(0, 15);
    wrapper.set(command, 15);
    return wrapper;
  }

  #send(bytes: Uint8Array): Promise<TransferResult> {
    return this.#device.write(this.#out, [bytes], this.#stage(bytes.length));
  }

  async #receive(buffer: Uint8Array): Promise<TransferResult> {
    const stream = this.#device.readStream(this.#in, buffer.length, this.#stage(buffer.length));
    let at = 0;
    for await (const piece of stream) {
      buffer.set(piece, at);
      at += piece.length;
    }
    return stream;
  }

  #readStatus(): Promise<DataResult> {
    return this.#device.read(this.#in, CSW_SIZE, this.#stage(CSW_SIZE));
  }

  /** Makes one URB of a stage: the status behind data that ends early must not land in the next piece of it. */
  #stage(length: number): StreamOptions {
    return { queue: 1, chunk: length, timeoutMs: this.#timeoutMs, signal: this.#abort?.signal };
  }

  /** Makes the error of a transfer that failed, after the device was made ready for the next command. */
  async #recovered(name: string, result: TransferResult): Promise<UdrvError> {
    if (result.status !== 'gone') await this.#recover();
    return this.#transferFailed(name, result);
  }

  /** Reset recovery: section 5.3.4. */
  async #recover(): Promise<void> {
    const setup = { bmRequestType: 0x21, bRequest: BULK_ONLY_RESET, wValue: 0, wIndex: this.#interface };
    const result = await this.#device.controlOut(setup, NOTHING, { timeoutMs: this.#timeoutMs });
    if (result.status !== 'ok') throw this.#transferFailed('Bulk-Only Mass Storage Reset', result);
    this.#device.clearHalt(this.#in);
    this.#device.clearHalt(this.#out);
  }

  #transferFailed(name: string, result: TransferResult): UdrvError {
    const { address } = this.#device.info;
    const hint = `udrv usb reset ${address}`;
    const hints = { stall: hint, timeout: hint, error: hint };
    const known = { subject: `${address} ${name}`, device: address, timeoutMs: this.#timeoutMs, hints };
    const cancelled = () =>
      new UdrvError(`${name} was cancelled`, { code: 'ECANCELED', exit: Exit.interrupted, device: address });
    return transferError(result, known) ?? cancelled();
  }
}

/** Makes a command block of zeros but for its operation code. */
function command(code: number, length: 6 | 10 | 16): Buffer {
  const block = Buffer.alloc(length);
  block[0] = code;
  return block;
}

/** Parses sense data in the fixed or the descriptor format: SPC-4, sections 4.5.3 and 4.5.2. */
export function parseSense(data: Uint8Array): Sense {
  const at = (index: number) => data[index] ?? 0;
  return (at(0) & 0x7f) >= 0x72
    ? { key: at(1) & 0xf, asc: at(2), ascq: at(3) }
    : { key: at(2) & 0xf, asc: at(12), ascq: at(13) };
}

function isBecomingReady({ key, asc, ascq }: Sense): boolean {
  return key === NOT_READY && ((asc << 8) | ascq) === BECOMING_READY;
}

/** Sense keys: SPC-4, table 48. */
const KEYS = [
  'no sense',
  'recovered error',
  'not ready',
  'medium error',
  'hardware error',
  'illegal request',
  'unit attention',
  'data protect',
  'blank check',
  'vendor specific',
  'copy aborted',
  'aborted command',
  'reserved',
  'volume overflow',
  'miscompare',
  'completed',
];

/** Additional sense codes with their qualifiers that disks have: SPC-4, annex F. */
const REASONS: ReadonlyMap<number, string> = new Map([
  [0x0400, 'not ready, cause not reportable'],
  [0x0401, 'becoming ready'],
  [0x0402, 'initializing command required'],
  [0x0403, 'manual intervention required'],
  [0x0404, 'format in progress'],
  [0x0c00, 'write error'],
  [0x1000, 'CRC error'],
  [0x1100, 'unrecovered read error'],
  [0x1400, 'recorded entity not found'],
  [0x1a00, 'parameter list length error'],
  [0x2000, 'invalid command operation code'],
  [0x2100, 'logical block address out of range'],
  [0x2400, 'invalid field in CDB'],
  [0x2500, 'logical unit not supported'],
  [0x2700, 'write protected'],
  [0x2800, 'medium may have changed'],
  [0x2900, 'power on or reset'],
  [0x3000, 'incompatible medium'],
  [0x3100, 'medium format corrupted'],
  [0x3a00, 'medium not present'],
  [0x4400, 'internal target failure'],
  [0x4700, 'SCSI parity error'],
]);

/** Returns sense in words and numbers: `medium error: unrecovered read error (sense 3/11/00)`. */
export function senseText({ key, asc, ascq }: Sense): string {
  const two = (value: number) => value.toString(16).padStart(2, '0');
  const reason = REASONS.get((asc << 8) | ascq) ?? REASONS.get(asc << 8);
  return `${KEYS[key]}${reason === undefined ? '' : `: ${reason}`} (sense ${key.toString(16)}/${two(asc)}/${two(ascq)})`;
}
