import { DIR_IN, type SetupPacket, type SetupRefusal, UsbFunction } from '../usb/function';

/** Vendor requests, as QEMU's hw/usb/dev-serial.c has them. */
const RESET = 0;
const SET_MODEM_LINES = 1;
const SET_FLOW_CONTROL = 2;
const SET_BAUD_RATE = 3;
const SET_LINE = 4;
const GET_MODEM_STATUS = 5;
const SET_LATENCY = 9;
const GET_LATENCY = 10;
const VENDOR = 0x40;

const RESET_ALL = 0;
const PURGE_RECEIVED = 1;
const HEADER = 2;
const SOURCE = 0x81;
/** Always set in the first status byte. */
const RESERVED = 0x01;
const CTS = 0x10;
const DSR = 0x20;
const CARRIER = 0x80;
const TRANSMITTER_EMPTY = 0x60;

/** The last value and index of a request, by request. */
export type SerialSettings = Readonly<
  Record<'modem' | 'flow' | 'baud' | 'line' | 'latency', readonly [number, number]>
>;

const SETTINGS: Readonly<Record<number, keyof SerialSettings>> = {
  [SET_MODEM_LINES]: 'modem',
  [SET_FLOW_CONTROL]: 'flow',
  [SET_BAUD_RATE]: 'baud',
  [SET_LINE]: 'line',
  [SET_LATENCY]: 'latency',
};

const INITIAL: SerialSettings = { modem: [0, 0], flow: [0, 0], baud: [0, 0], line: [8, 0], latency: [16, 0] };

/**
 * QEMU's usb-serial: an FT232BM, and the wire behind it. The machine of fixtures/sim.snapshot has none, so that nothing
 * of it is kept in files.
 */
export class UsbFtdi extends UsbFunction {
  /** Called with the bytes that the host sends over the wire. */
  onSent: (bytes: Buffer) => void = () => {};
  #settings: SerialSettings = INITIAL;
  #lines = CTS | DSR | CARRIER;
  /** Bytes that came over the wire, for the host. */
  #waiting: Buffer = Buffer.alloc(0);
  /** Errors of the line, and whether a packet has to tell a status. */
  #errors = 0;
  #hasNews = false;

  get settings(): SerialSettings {
    return this.#settings;
  }

  /** Gives bytes to the host. @param errors of the line, as in the second status byte */
  receive(bytes: Buffer, errors = 0): void {
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    this.#errors |= errors;
    this.onReady(SOURCE);
  }

  /** Changes the lines of the modem, which a packet without data tells. @param lines as in the first status byte */
  setModem(lines: number): void {
    this.#lines = lines;
    this.#hasNews = true;
    this.onReady(SOURCE);
  }

  override packetOut(_endpoint: number, packet: Buffer): 'ack' {
    this.onSent(Buffer.from(packet));
    return 'ack';
  }

  override packetIn(_endpoint: number, size: number): Buffer | SetupRefusal {
    if (this.#waiting.length === 0 && !this.#hasNews) return 'nak';
    const data = this.#waiting.subarray(0, size - HEADER);
    this.#waiting = this.#waiting.subarray(data.length);
    const packet = Buffer.concat([Buffer.of(this.#lines | RESERVED, this.#errors), data]);
    this.#errors = 0;
    // Behind a full packet the chip's latency timer sends one of the status alone, which ends the transfer.
    this.#hasNews = packet.length === size;
    return packet;
  }

  protected override started(): void {
    this.#settings = INITIAL;
    this.#waiting = Buffer.alloc(0);
    this.#errors = 0;
    this.#hasNews = false;
  }

  protected override request({ bmRequestType, bRequest, wValue, wIndex }: SetupPacket): Buffer | 'stall' {
    if (bmRequestType === (VENDOR | DIR_IN)) {
      if (bRequest === GET_MODEM_STATUS) return Buffer.of(this.#lines | RESERVED, TRANSMITTER_EMPTY);
      return bRequest === GET_LATENCY ? Buffer.of(this.#settings.latency[0]) : 'stall';
    }
    if (bmRequestType !== VENDOR) return 'stall';
    const setting = SETTINGS[bRequest];
    if (setting !== undefined) this.#settings = { ...this.#settings, [setting]: [wValue, wIndex] };
    else if (bRequest !== RESET) return 'stall';
    else if (wValue === RESET_ALL || wValue === PURGE_RECEIVED) this.#waiting = Buffer.alloc(0);
    return Buffer.alloc(0);
  }
}
