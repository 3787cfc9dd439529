import { hexOf, type Saved, type StateReader } from '../state/saved';
import { type SetupPacket, type SetupRefusal, UsbFunction } from '../usb/function';
import type { UsbIdentity } from '../usb/identity';

/** HID 1.11, section 7.2. */
const GET_REPORT = 0x01;
const GET_IDLE = 0x02;
const GET_PROTOCOL = 0x03;
const SET_REPORT = 0x09;
const SET_IDLE = 0x0a;
const SET_PROTOCOL = 0x0b;
const GET_DESCRIPTOR = 0x06;
const DT_REPORT = 0x22;

const REPORT = 8;
/** The number of reports that are kept until they are fetched, as in QEMU. */
const QUEUE = 16;

/** A keyboard with boot reports of eight bytes: modifiers, nothing, up to six keys. */
export class UsbKeyboard extends UsbFunction {
  readonly #reportDescriptor: Buffer;
  readonly #reports: Buffer[] = [];
  #last: Buffer = Buffer.alloc(REPORT);
  #idle = 0;
  #protocol = 1;

  constructor(identity: UsbIdentity, reportDescriptor: Buffer) {
    super(identity);
    this.#reportDescriptor = reportDescriptor;
  }

  /** Presses keys, by usage: 0x04 is A. */
  press(...usages: number[]): void {
    if (this.#reports.length >= QUEUE) return;
    this.#reports.push(Buffer.concat([Buffer.alloc(2), Buffer.from(usages.slice(0, REPORT - 2))], REPORT));
    this.onReady(0x81);
  }

  override packetIn(): Buffer | SetupRefusal {
    const report = this.#reports.shift();
    if (report === undefined) return 'nak';
    this.#last = report;
    return report;
  }

  protected override started(): void {
    this.#reports.length = 0;
    this.#last = Buffer.alloc(REPORT);
  }

  protected override saveOwn(): Saved {
    return {
      reports: this.#reports.map(hexOf),
      last: hexOf(this.#last),
      idle: this.#idle,
      protocol: this.#protocol,
    };
  }

  protected override restoreOwn(state: StateReader): void {
    const reports = state.at('reports').list(QUEUE);
    this.#reports.splice(0, this.#reports.length, ...reports.map((report) => report.bytes(REPORT)));
    this.#last = state.at('last').bytes(REPORT);
    this.#idle = state.at('idle').integer(0xff);
    this.#protocol = state.at('protocol').integer(1);
  }

  protected override request({ bmRequestType, bRequest, wValue }: SetupPacket): Buffer | 'stall' {
    if (bmRequestType === 0x81 && bRequest === GET_DESCRIPTOR && wValue >> 8 === DT_REPORT)
      return this.#reportDescriptor;
    switch (bmRequestType === 0xa1 || bmRequestType === 0x21 ? bRequest : -1) {
      case GET_REPORT:
        return this.#last;
      case GET_IDLE:
        return Buffer.of(this.#idle);
      case GET_PROTOCOL:
        return Buffer.of(this.#protocol);
      case SET_IDLE:
        this.#idle = wValue >> 8;
        return Buffer.alloc(0);
      case SET_PROTOCOL:
        this.#protocol = wValue & 1;
        return Buffer.alloc(0);
      case SET_REPORT:
        return Buffer.alloc(0);
      default:
        return 'stall';
    }
  }
}
