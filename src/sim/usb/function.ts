import type { Saved, StateReader } from '../state/saved';
import {
  DT_BOS,
  DT_CONFIGURATION,
  DT_DEVICE,
  DT_QUALIFIER,
  DT_STRING,
  type SimConfiguration,
  type SimDescriptors,
  type SimSetting,
} from './descriptors';
import type { UsbIdentity } from './identity';

/** The eight bytes that a control transfer begins with. */
export interface SetupPacket {
  readonly bmRequestType: number;
  readonly bRequest: number;
  readonly wValue: number;
  readonly wIndex: number;
  readonly wLength: number;
}

/** The answer of a device that gives or takes no packet: not yet, or not until the halt is cleared. */
export type SetupRefusal = 'nak' | 'stall';

export const DIR_IN = 0x80;
export const TYPE_MASK = 0x60;
export const RECIP_MASK = 0x1f;
const RECIP_DEVICE = 0;
const RECIP_INTERFACE = 1;
const RECIP_ENDPOINT = 2;

const GET_STATUS = 0;
const CLEAR_FEATURE = 1;
const SET_FEATURE = 3;
const GET_DESCRIPTOR = 6;
const GET_CONFIGURATION = 8;
const SET_CONFIGURATION = 9;
const GET_INTERFACE = 10;
const SET_INTERFACE = 11;

const ENDPOINT_HALT = 0;
const SELF_POWERED = 0x40;
const ENGLISH = 0x0409;
const NOTHING = Buffer.alloc(0);

/**
 * A device at the other end of the cable: it answers standard requests (USB 2.0, section 9.4), and a kind of device
 * adds its own requests and what its endpoints do, packet by packet.
 */
export class UsbFunction {
  readonly identity: UsbIdentity;
  /** Endpoints that answer with a stall. */
  readonly halted = new Set<number>();
  /** Set by the host, called when an endpoint that had no packet, or no room for one, has it now. */
  onReady: (endpoint: number) => void = () => {};
  #configuration: SimConfiguration | null = null;
  readonly #alternates = new Map<number, number>();

  constructor(identity: UsbIdentity) {
    this.identity = identity;
  }

  get configuration(): SimConfiguration | null {
    return this.#configuration;
  }

  /**
   * Answers a control transfer.
   *
   * @param data sent by the host; empty for a transfer in
   * @returns the data in; empty for none
   */
  control(setup: SetupPacket, data: Buffer): Buffer | 'stall' {
    if ((setup.bmRequestType & TYPE_MASK) !== 0) return this.request(setup, data);
    const answer = this.#standard(setup);
    // A standard request asks for descriptors of its class too.
    return answer === 'stall' && setup.bRequest === GET_DESCRIPTOR ? this.request(setup, data) : answer;
  }

  /** Gives a packet from an IN endpoint, no longer than `size`; a shorter one ends a transfer. */
  packetIn(_endpoint: number, _size: number): Buffer | SetupRefusal {
    return 'nak';
  }

  packetOut(_endpoint: number, _packet: Buffer): 'ack' | SetupRefusal {
    return 'nak';
  }

  /** Starts over as if just switched on. */
  reset(): void {
    this.#configuration = null;
    this.#alternates.clear();
    this.halted.clear();
    this.started();
  }

  save(): Saved {
    return {
      configuration: this.#configuration?.value ?? 0,
      alternates: Object.fromEntries(this.#alternates),
      halted: [...this.halted],
      own: this.saveOwn(),
    };
  }

  restore(state: StateReader): void {
    const { configurations } = this.identity.descriptors;
    const value = state.at('configuration').integer(0xff);
    this.#configuration = configurations.find((one) => one.value === value) ?? null;
    if (this.#configuration === null && value !== 0) state.fail(`has no configuration ${value}`);
    this.#alternates.clear();
    for (const [number, alt] of state.at('alternates').entries(0xff))
      this.#alternates.set(Number(number), alt.integer(0xff));
    this.halted.clear();
    for (const endpoint of state.at('halted').list(0xff)) this.halted.add(endpoint.integer(0xff));
    this.restoreOwn(state.at('own'));
  }

  /** Returns the state that this kind of device has beside that of all. */
  protected saveOwn(): Saved {
    return null;
  }

  protected restoreOwn(_state: StateReader): void {}

  /** Answers a request that is no standard one. */
  protected request(_setup: SetupPacket, _data: Buffer): Buffer | 'stall' {
    return 'stall';
  }

  /** Called when a configuration or a setting is chosen: its endpoints start over. */
  protected started(): void {}

  protected altOf(number: number): number {
    return this.#alternates.get(number) ?? 0;
  }

  #standard({ bmRequestType, bRequest, wValue, wIndex }: SetupPacket): Buffer | 'stall' {
    const recipient = bmRequestType & RECIP_MASK;
    switch (`${bmRequestType & DIR_IN ? 'in' : 'out'} ${bRequest}`) {
      case `in ${GET_STATUS}`:
        return this.#status(recipient, wIndex);
      case `out ${CLEAR_FEATURE}`:
      case `out ${SET_FEATURE}`:
        return this.#feature(recipient, wValue, wIndex, bRequest === SET_FEATURE);
      case `in ${GET_DESCRIPTOR}`:
        return recipient === RECIP_DEVICE ? this.#descriptor(wValue >> 8, wValue & 0xff) : 'stall';
      case `in ${GET_CONFIGURATION}`:
        return Buffer.of(this.#configuration?.value ?? 0);
      case `out ${SET_CONFIGURATION}`:
        return this.#configure(wValue & 0xff);
      case `in ${GET_INTERFACE}`:
        return this.#setting(wIndex, this.altOf(wIndex)) === undefined ? 'stall' : Buffer.of(this.altOf(wIndex));
      case `out ${SET_INTERFACE}`:
        return this.#select(wIndex, wValue);
      default:
        return 'stall';
    }
  }

  #status(recipient: number, index: number): Buffer | 'stall' {
    if (recipient === RECIP_DEVICE) return Buffer.of((this.#configuration?.attributes ?? 0) & SELF_POWERED ? 1 : 0, 0);
    if (recipient === RECIP_INTERFACE) return this.#setting(index, 0) === undefined ? 'stall' : Buffer.of(0, 0);
    if (recipient !== RECIP_ENDPOINT || !this.#hasEndpoint(index)) return 'stall';
    return Buffer.of(this.halted.has(index) ? 1 : 0, 0);
  }

  #feature(recipient: number, feature: number, index: number, on: boolean): Buffer | 'stall' {
    if (recipient === RECIP_DEVICE) return NOTHING;
    if (recipient !== RECIP_ENDPOINT || feature !== ENDPOINT_HALT || !this.#hasEndpoint(index)) return 'stall';
    if (on) this.halted.add(index);
    else this.halted.delete(index);
    return NOTHING;
  }

  #descriptor(type: number, index: number): Buffer | 'stall' {
    const { descriptors, bos, highSpeed } = this.identity;
    switch (type) {
      case DT_DEVICE:
        return descriptors.device;
      case DT_CONFIGURATION:
        return descriptors.configurations[index]?.bytes ?? 'stall';
      case DT_STRING:
        return this.#string(index);
      case DT_QUALIFIER:
        return highSpeed ? qualifier(descriptors) : 'stall';
      case DT_BOS:
        return bos ?? 'stall';
      default:
        return 'stall';
    }
  }

  #string(index: number): Buffer | 'stall' {
    if (index === 0) return Buffer.of(4, DT_STRING, ENGLISH & 0xff, ENGLISH >> 8);
    const text = this.identity.strings.get(index);
    if (text === undefined) return 'stall';
    const characters = Buffer.from(text, 'utf16le');
    return Buffer.concat([Buffer.of(characters.length + 2, DT_STRING), characters]);
  }

  #configure(value: number): Buffer | 'stall' {
    const configuration = this.identity.descriptors.configurations.find((one) => one.value === value) ?? null;
    if (configuration === null && value !== 0) return 'stall';
    this.#configuration = configuration;
    this.#alternates.clear();
    this.halted.clear();
    this.started();
    return NOTHING;
  }

  #select(number: number, alt: number): Buffer | 'stall' {
    const setting = this.#setting(number, alt);
    if (setting === undefined) return 'stall';
    this.#alternates.set(number, alt);
    for (const { address } of setting.endpoints) this.halted.delete(address);
    this.started();
    return NOTHING;
  }

  #setting(number: number, alt: number): SimSetting | undefined {
    return this.#configuration?.settings.find((one) => one.number === number && one.alt === alt);
  }

  #hasEndpoint(address: number): boolean {
    if ((address & ~DIR_IN) === 0) return true;
    const settings = this.#configuration?.settings ?? [];
    return settings.some((one) => one.endpoints.some((endpoint) => endpoint.address === address));
  }
}

/** Makes the device qualifier: at the other speed the device is the same here. USB 2.0, table 9-9. */
function qualifier({ device, configurations }: SimDescriptors): Buffer {
  return Buffer.from([10, DT_QUALIFIER, ...device.subarray(2, 8), configurations.length, 0]);
}
