import { closedError, Exit, type ExitCode, UdrvError } from '../errors';
import { type Message, type TransferResult, transferError, type UsbDevice } from '../usb';

/**
 * A driver of FTDI's serial chips over usbfs: FT232BM, FT232R, FT-X, and each port of the FT2232 and FT4232. The
 * requests are those of drivers/usb/serial/ftdi_sio.h; the baud rates those of FTDI's application note AN232B-05.
 */

const VENDOR_FTDI = '0403';
/** bcdDevice, as FTDI numbers its chips; ftdi_sio.c tells them apart by it too. */
const CHIPS: Readonly<Record<number, string>> = {
  512: 'FT8U232AM',
  1024: 'FT232BM',
  1280: 'FT2232C',
  1536: 'FT232R',
  1792: 'FT2232H',
  2048: 'FT4232H',
  2304: 'FT232H',
  4096: 'FT-X',
};
/** The one whose divisors are others. */
const FT8U232AM = 0x0200;

const RESET = 0;
const SET_MODEM_LINES = 1;
const SET_FLOW_CONTROL = 2;
const SET_BAUD_RATE = 3;
const SET_LINE = 4;
const GET_MODEM_STATUS = 5;
const SET_LATENCY = 9;
const VENDOR_OUT = 0x40;
const VENDOR_IN = 0xc0;
const GET_DESCRIPTOR = 6;

const DTR = 1;
const RTS = 2;
const PARITIES = ['none', 'odd', 'even', 'mark', 'space'] as const;
const STOP_BITS = [1, 1.5, 2] as const;
const BREAK = 1 << 14;
const FLOW_CONTROLS = { none: 0, 'rts-cts': 1, 'dtr-dsr': 2, 'xon-xoff': 4 } as const;
const XON = 0x11;
const XOFF = 0x13;

/** Bytes of status at the head of each packet: the modem's lines, then the state of the line. */
const HEADER = 2;
const CTS = 0x10;
const DSR = 0x20;
const RING = 0x40;
const CARRIER = 0x80;
const OVERRUN = 0x02;
const PARITY = 0x04;
const FRAMING = 0x08;
const BREAK_RECEIVED = 0x10;
const TRANSMITTER_EMPTY = 0x40;

/** The chips' clock, divided by 16 for a bit and counted in eighths. */
const EIGHTHS = 24_000_000;
const MOST_BAUD = 3_000_000;
/** Error of the rate beyond which the other end reads other bits: AN232B-05. */
const TOLERANCE = 0.03;
/** The bits that stand for a fraction in eighths. */
const FRACTIONS = [0, 3, 2, 4, 1, 5, 6, 7];

/** Packets of one transfer in, and transfers in flight: a chip holds no more than 512 bytes itself. */
const PACKETS = 32;
const QUEUE = 4;
const WRITE_CHUNK = 4096;
const REQUEST_MS = 5000;
const DRAIN_POLL_MS = 2;

export interface SerialLine {
  /** From 183 to 3,000,000. 115200 if not given. */
  baud?: number | undefined;
  /** 8 if not given. */
  dataBits?: 7 | 8 | undefined;
  parity?: (typeof PARITIES)[number] | undefined;
  stopBits?: (typeof STOP_BITS)[number] | undefined;
  flowControl?: keyof typeof FLOW_CONTROLS | undefined;
  /** Longest time that the chip keeps bytes to fill a packet: 1 to 255. 16 if not given. */
  latencyMs?: number | undefined;
}

export interface FtdiOptions extends SerialLine {
  /** The number of the interface; a chip with several ports has one for each. 0 if not given. */
  port?: number | undefined;
}

export interface ModemStatus {
  cts: boolean;
  dsr: boolean;
  ring: boolean;
  carrier: boolean;
}

/** Received packets that reported an error. */
export interface LineErrors {
  overrun: number;
  parity: number;
  framing: number;
  breaks: number;
}

/** Request values for a baud rate, and the rate that results. */
export interface BaudDivisor {
  value: number;
  index: number;
  rate: number;
}

/**
 * Computes the divisor of 3 MHz, in eighths, for a rate. 3 and 2 Mbaud have codes of their own.
 *
 * @throws RangeError where no divisor comes within 3 % of the rate
 */
export function baudDivisor(baud: number): BaudDivisor {
  const eighths = Math.round(EIGHTHS / baud);
  const rate = EIGHTHS / eighths;
  const whole = eighths >> 3;
  // Between 1 and 2 there is no fraction but a half.
  const isThere = whole > 1 || eighths === 8 || eighths === 12;
  if (!(baud <= MOST_BAUD) || whole > 0x3fff || !isThere || Math.abs(rate / baud - 1) > TOLERANCE)
    throw new RangeError(`${baud} baud is no rate of this chip: it has 183 to 1,500,000, 2,000,000 and 3,000,000`);
  if (eighths === 8) return { value: 0, index: 0, rate };
  if (eighths === 12) return { value: 1, index: 0, rate };
  const code = FRACTIONS[eighths & 7] ?? 0;
  return { value: whole | ((code & 3) << 14), index: code >> 2, rate };
}

/**
 * A serial port that is driven from here. Bytes come in from the open on: the chip is read ahead as far as transfers are
 * in flight, and then holds its peer up by flow control. The kernel's driver gets the port back when the device is closed.
 *
 * @example
 * using device = UsbDevice.open(sys, info);
 * await using port = await Ftdi.open(device, { baud: 9600 });
 * await port.write(Buffer.from('AT\r'));
 * for await (const bytes of port) process.stdout.write(bytes);
 */
export class Ftdi {
  /** `FT232R`, say. */
  readonly chip: string;
  readonly #port: FtdiPort;
  readonly #errors: LineErrors = { overrun: 0, parity: 0, framing: 0, breaks: 0 };
  readonly #closing = new AbortController();
  readonly #messages: AsyncGenerator<Message>;
  /** The transfer that comes next. */
  #next: Promise<IteratorResult<Message>>;
  /** The last status byte of the modem's lines. */
  #lines: number;
  #reading: Promise<unknown> = Promise.resolve();
  #writing: Promise<unknown> = Promise.resolve();
  #failure: UdrvError | null = null;

  private constructor(port: FtdiPort, chip: string, lines: number) {
    this.#port = port;
    this.chip = chip;
    this.#lines = lines;
    this.#messages = port.receive(this.#closing.signal);
    this.#next = this.#ask();
  }

  /** @throws exit 9 where the device is none of these chips */
  static async open(device: UsbDevice, { port: number = 0, ...line }: FtdiOptions = {}): Promise<Ftdi> {
    const port = new FtdiPort(device, number);
    const chip = await port.chip();
    await port.request(RESET, 0);
    await port.setLine(line);
    await port.setModemLines({ dtr: true, rts: true });
    const [lines = 0] = await port.status();
    return new Ftdi(port, chip, lines);
  }

  /** The lines that the other end drives, as the last packet told them. */
  get modem(): ModemStatus {
    const has = (bit: number) => (this.#lines & bit) !== 0;
    return { cts: has(CTS), dsr: has(DSR), ring: has(RING), carrier: has(CARRIER) };
  }

  get errors(): Readonly<LineErrors> {
    return this.#errors;
  }

  /** Changes the line. Options that are not given get their usual values. */
  async setLine(line: SerialLine): Promise<void> {
    this.#mustBeOpen();
    await this.#port.setLine(line);
  }

  /** Sets the lines that this end drives; those that are not given stay as they are. Both are on after the open. */
  async setModemLines(lines: { dtr?: boolean; rts?: boolean }): Promise<void> {
    this.#mustBeOpen();
    await this.#port.setModemLines(lines);
  }

  /** Holds the line in the state of a break, for some time. */
  async sendBreak(milliseconds = 250): Promise<void> {
    this.#mustBeOpen();
    await this.#port.setBreak(true);
    await new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
    await this.#port.setBreak(false);
  }

  /**
   * Reads the bytes that come next, at least one.
   *
   * @returns null once the port is closed
   * @throws exit 8 where the device is gone, 7 where it fails
   */
  read(): Promise<Buffer | null> {
    const result = this.#reading.then(() => this.#take());
    this.#reading = result.catch(() => {});
    return result;
  }

  /** Yields bytes as they come, until the port is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (let bytes = await this.read(); bytes !== null; bytes = await this.read()) yield bytes;
  }

  /** Writes bytes; returns once the chip has them. Writes follow each other. @throws as {@link read} */
  write(bytes: Uint8Array): Promise<void> {
    const result = this.#writing.then(async () => {
      this.#mustBeOpen();
      if (bytes.length > 0) await this.#port.send(bytes, this.#closing.signal);
    });
    this.#writing = result.catch(() => {});
    return result;
  }

  /** Waits until all that was written is on the line. @throws exit 6 where flow control holds it back longer */
  async drain(timeoutMs = REQUEST_MS): Promise<void> {
    await this.#writing;
    this.#mustBeOpen();
    await this.#port.drain(timeoutMs);
  }

  /** Ends what runs, and lowers DTR and RTS, as the kernel does. A second close does nothing. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    try {
      await this.#writing;
      await this.#port.setModemLines({ dtr: false, rts: false });
    } catch (error) {
      if (!(error instanceof UdrvError && error.exit === Exit.gone)) throw error;
    } finally {
      await this.#messages.return(undefined);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #ask(): Promise<IteratorResult<Message>> {
    const next = this.#messages.next();
    // Whoever reads hears of it.
    next.catch(() => {});
    return next;
  }

  async #take(): Promise<Buffer | null> {
    for (;;) {
      if (this.#closing.signal.aborted) return null;
      if (this.#failure !== null) throw this.#failure;
      const { value, done } = await this.#next;
      if (done) return null;
      const bytes = this.#strip(value.data);
      if (value.status === 'ok') this.#next = this.#ask();
      else if (value.status !== 'cancelled') this.#failure = this.#port.failed('reading', value);
      if (bytes.length > 0) return bytes;
    }
  }

  /** Takes the status bytes out of the packets of a transfer. */
  #strip(data: Buffer): Buffer {
    const size = this.#port.packetSize;
    const bytes = Buffer.allocUnsafe(data.length);
    let length = 0;
    for (let at = 0; at + HEADER <= data.length; at += size) {
      this.#lines = data[at] ?? 0;
      this.#count(data[at + 1] ?? 0);
      length += data.copy(bytes, length, at + HEADER, Math.min(at + size, data.length));
    }
    return bytes.subarray(0, length);
  }

  #count(status: number): void {
    const errors = this.#errors;
    if ((status & OVERRUN) !== 0) errors.overrun++;
    if ((status & PARITY) !== 0) errors.parity++;
    if ((status & FRAMING) !== 0) errors.framing++;
    if ((status & BREAK_RECEIVED) !== 0) errors.breaks++;
  }

  #mustBeOpen(): void {
    if (this.#closing.signal.aborted) throw closedError('the port');
  }
}

/** The requests of one port, and its endpoints. */
class FtdiPort {
  readonly packetSize: number;
  readonly #device: UsbDevice;
  /** In the requests: 0 for a chip with one port, else from 1 on. */
  readonly #number: number;
  readonly #in: number;
  readonly #out: number;
  /** The value of the last request that set the line. */
  #line = 8;

  constructor(device: UsbDevice, number: number) {
    const { usb, vendorId } = device.info;
    const found = usb.interfaces.find((one) => one.number === number && one.active);
    const endpoint = (direction: 'in' | 'out') =>
      found?.endpoints.find((one) => one.type === 'bulk' && one.direction === direction);
    const [source, sink] = [endpoint('in'), endpoint('out')];
    this.#device = device;
    if (vendorId !== VENDOR_FTDI || source === undefined || sink === undefined)
      throw this.#error(`has no port ${number} of an FTDI chip`, 'ENOTSUP', Exit.unsupported);
    this.#number = new Set(usb.interfaces.map((one) => one.number)).size > 1 ? number + 1 : 0;
    this.#in = Number(source.address);
    this.#out = Number(sink.address);
    this.packetSize = source.maxPacketSize;
    device.claim(number, { detach: true });
  }

  async chip(): Promise<string> {
    const setup = { bmRequestType: 0x80, bRequest: GET_DESCRIPTOR, wValue: 0x0100, wIndex: 0 };
    const result = await this.#device.controlIn(setup, 18, { timeoutMs: REQUEST_MS });
    if (result.status !== 'ok' || result.data.length < 18) throw this.failed('the device descriptor', result);
    const release = result.data.readUInt16LE(12);
    const name = CHIPS[release] ?? `FTDI chip 0x${release.toString(16)}`;
    if (release === FT8U232AM) throw this.#error(`is an ${name}, which is not supported`, 'ENOTSUP', Exit.unsupported);
    return name;
  }

  async setLine(line: SerialLine): Promise<void> {
    const { baud = 115_200, dataBits = 8, parity = 'none', stopBits = 1, flowControl = 'none', latencyMs = 16 } = line;
    const { value, index } = baudDivisor(baud);
    if (!Number.isInteger(latencyMs) || latencyMs < 1 || latencyMs > 255)
      throw new RangeError(`a latency of ${latencyMs} ms is not from 1 to 255`);
    this.#line = dataBits | (PARITIES.indexOf(parity) << 8) | (STOP_BITS.indexOf(stopBits) << 11);
    await this.request(SET_BAUD_RATE, value, this.#number === 0 ? index : (index << 8) | this.#number);
    await this.request(SET_LINE, this.#line);
    const characters = flowControl === 'xon-xoff' ? (XOFF << 8) | XON : 0;
    await this.request(SET_FLOW_CONTROL, characters, (FLOW_CONTROLS[flowControl] << 8) | this.#number);
    await this.request(SET_LATENCY, latencyMs);
  }

  async setBreak(isOn: boolean): Promise<void> {
    await this.request(SET_LINE, isOn ? this.#line | BREAK : this.#line);
  }

  async setModemLines({ dtr, rts }: { dtr?: boolean; rts?: boolean }): Promise<void> {
    const set = (bit: number, isOn: boolean | undefined) => (isOn === undefined ? 0 : (bit << 8) | (isOn ? bit : 0));
    await this.request(SET_MODEM_LINES, set(DTR, dtr) | set(RTS, rts));
  }

  /** Returns the two status bytes. */
  async status(): Promise<Buffer> {
    const setup = { bmRequestType: VENDOR_IN, bRequest: GET_MODEM_STATUS, wValue: 0, wIndex: this.#number };
    const result = await this.#device.controlIn(setup, HEADER, { timeoutMs: REQUEST_MS });
    if (result.status !== 'ok') throw this.failed('the modem status', result);
    return result.data;
  }

  async drain(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    const isEmpty = async () => (((await this.status())[1] ?? 0) & TRANSMITTER_EMPTY) !== 0;
    while (!(await isEmpty())) {
      if (performance.now() > end)
        throw this.#error(`did not send all within ${timeoutMs} ms`, 'ETIMEDOUT', Exit.timeout);
      await new Promise<void>((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  /** Sends a request without data. */
  async request(request: number, value: number, index = this.#number): Promise<void> {
    const setup = { bmRequestType: VENDOR_OUT, bRequest: request, wValue: value, wIndex: index };
    const result = await this.#device.controlOut(setup, Buffer.alloc(0), { timeoutMs: REQUEST_MS });
    if (result.status !== 'ok') throw this.failed(`request ${request}`, result);
  }

  receive(signal: AbortSignal): AsyncGenerator<Message> {
    return this.#device.messages(this.#in, PACKETS * this.packetSize, { queue: QUEUE, signal });
  }

  async send(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const result = await this.#device.write(this.#out, [bytes], { chunk: WRITE_CHUNK, queue: QUEUE, signal });
    if (result.status !== 'ok') throw this.failed('writing', result);
  }

  failed(what: string, result: TransferResult): UdrvError {
    const { address } = this.#device.info;
    const known = { subject: `${address} ${what}`, device: address, timeoutMs: REQUEST_MS };
    return transferError(result, known) ?? this.#error(`${what} was cancelled`, 'ECANCELED', Exit.interrupted);
  }

  #error(message: string, code: string, exit: ExitCode): UdrvError {
    return new UdrvError(message, { code, exit, device: this.#device.info.address });
  }
}
