import { type SetupPacket, UsbFunction } from '../usb/function';
import type { UsbIdentity } from '../usb/identity';

/** USB 2.0, section 11.24.2. */
const GET_STATUS = 0;
const CLEAR_FEATURE = 1;
const SET_FEATURE = 3;
const GET_DESCRIPTOR = 6;
const HUB_DESCRIPTOR = 0x29;
const SUPERSPEED_HUB_DESCRIPTOR = 0x2a;

/** wPortStatus, table 11-21; a SuperSpeed hub has its power bit elsewhere (USB 3.0, table 10-10). */
const CONNECTION = 0x1;
const ENABLE = 0x2;
const POWER = 0x100;
const LOW_SPEED = 0x200;
const HIGH_SPEED = 0x400;
const SUPERSPEED_POWER = 0x200;

/** The speed in Mbit/s; null for an empty port. */
export type PortSpeed = number | null;

/** A hub, which may be a root hub: it reports the state of its ports. */
export class UsbHub extends UsbFunction {
  readonly #ports: number;
  readonly #isSuperSpeed: boolean;
  readonly #speedAt: (port: number) => PortSpeed;

  constructor(identity: UsbIdentity, ports: number, isSuperSpeed: boolean, speedAt: (port: number) => PortSpeed) {
    super(identity);
    this.#ports = ports;
    this.#isSuperSpeed = isSuperSpeed;
    this.#speedAt = speedAt;
  }

  protected override request({ bmRequestType, bRequest, wValue, wIndex }: SetupPacket): Buffer | 'stall' {
    const isPort = wIndex >= 1 && wIndex <= this.#ports;
    switch (`${bmRequestType.toString(16)} ${bRequest}`) {
      case `a0 ${GET_DESCRIPTOR}`:
        return wValue >> 8 === this.#descriptorType ? this.#descriptor() : 'stall';
      case `a0 ${GET_STATUS}`:
        return Buffer.alloc(4);
      case `a3 ${GET_STATUS}`:
        return isPort ? this.#portStatus(wIndex) : 'stall';
      case `23 ${SET_FEATURE}`:
      case `23 ${CLEAR_FEATURE}`:
        return isPort ? Buffer.alloc(0) : 'stall';
      default:
        return 'stall';
    }
  }

  get #descriptorType(): number {
    return this.#isSuperSpeed ? SUPERSPEED_HUB_DESCRIPTOR : HUB_DESCRIPTOR;
  }

  /** Makes the hub descriptor: power and over-current by port, on after 2 ms. */
  #descriptor(): Buffer {
    const head = [this.#descriptorType, this.#ports, 0x0a, 0x00, 1, 0];
    const bitmap = Math.ceil((this.#ports + 1) / 8);
    const tail = this.#isSuperSpeed
      ? [0, 0, 0, 0, 0]
      : [...Array<number>(bitmap).fill(0), ...Array<number>(bitmap).fill(0xff)];
    return Buffer.from([head.length + tail.length + 1, ...head, ...tail]);
  }

  #portStatus(port: number): Buffer {
    const speed = this.#speedAt(port);
    const status = Buffer.alloc(4);
    let bits = this.#isSuperSpeed ? SUPERSPEED_POWER : POWER;
    if (speed !== null) bits |= CONNECTION | ENABLE;
    if (speed === 1.5) bits |= LOW_SPEED;
    if (speed === 480) bits |= HIGH_SPEED;
    status.writeUInt16LE(bits);
    return status;
  }
}
