import { hexOf, type Saved, type StateReader } from '../state/saved';
import { DIR_IN, type SetupPacket, type SetupRefusal, UsbFunction } from '../usb/function';

/**
 * Requests of drivers/usb/gadget/function/f_sourcesink.c: the device keeps the data of one and gives it back with the
 * other.
 */
const CONTROL_WRITE = 0x5b;
const CONTROL_READ = 0x5c;
/** bulk_buflen of both functions, and qlen of the loopback. */
const BUFFER = 4096;
const LOOPBACK_BUFFERS = 32;
const LOOPBACK = 2;
/** The bulk IN endpoint, and the packets of both bulk endpoints. */
const SOURCE = 0x81;
const PACKET = 512;

/**
 * The kernel's gadget zero. Configuration 1 is f_sourcesink.c: IN endpoints give a pattern without end, OUT endpoints
 * take it and halt at any other; alternate setting 1 has isochronous ones too. Configuration 2 is f_loopback.c: data
 * that goes out comes back in.
 */
export class GadgetZero extends UsbFunction {
  /** 0: zeros. 1: bytes count from 0 to 62 over and over. 2: zeros, and any data that is sent is taken. */
  pattern: 0 | 1 | 2 = 0;
  #written: Buffer = Buffer.alloc(0);
  /** The positions of the source and the sink in a buffer. */
  #sourced = 0;
  #sunk = 0;
  #isBad = false;
  /** The loopback: the packets of the buffer that is being filled, and of those that go back. */
  #filling: Buffer[] = [];
  readonly #filled: Buffer[][] = [];

  override packetIn(endpoint: number, size: number): Buffer | SetupRefusal {
    if (this.configuration?.value === LOOPBACK) return this.#give();
    const packet = this.#pattern(this.#sourced, size);
    // Isochronous ones, 0x82, are not in step with the others.
    if (endpoint === SOURCE) this.#sourced = (this.#sourced + size) % BUFFER;
    return packet;
  }

  override packetOut(endpoint: number, packet: Buffer): 'ack' | SetupRefusal {
    if (this.configuration?.value === LOOPBACK) return this.#take(packet);
    // An isochronous sink takes all.
    if (this.pattern === 2 || endpoint !== this.#sink) return 'ack';
    if (!packet.equals(this.#pattern(this.#sunk, packet.length))) this.#isBad = true;
    this.#sunk += packet.length;
    // The gadget checks a buffer once it is full or ends in a short packet.
    if (packet.length === PACKET && this.#sunk < BUFFER) return 'ack';
    this.#sunk = 0;
    if (this.#isBad) this.halted.add(endpoint);
    this.#isBad = false;
    return 'ack';
  }

  protected override started(): void {
    this.#sourced = 0;
    this.#sunk = 0;
    this.#isBad = false;
    this.#filling = [];
    this.#filled.length = 0;
  }

  protected override saveOwn(): Saved {
    return {
      written: { length: this.#written.length, data: hexOf(this.#written) },
      sourced: this.#sourced,
      sunk: this.#sunk,
      isBad: this.#isBad,
      filling: this.#filling.map(savePacket),
      filled: this.#filled.map((packets) => packets.map(savePacket)),
    };
  }

  protected override restoreOwn(state: StateReader): void {
    const written = state.at('written');
    this.#written = written.at('data').bytes(written.at('length').integer(BUFFER));
    this.#sourced = state.at('sourced').integer(BUFFER);
    this.#sunk = state.at('sunk').integer(BUFFER);
    this.#isBad = state.at('isBad').flag();
    this.#filling = readPackets(state.at('filling'));
    this.#filled.splice(0, this.#filled.length, ...state.at('filled').list(LOOPBACK_BUFFERS).map(readPackets));
  }

  protected override request({ bmRequestType, bRequest, wValue, wIndex, wLength }: SetupPacket, data: Buffer) {
    if (this.configuration?.value === LOOPBACK || wValue !== 0 || wIndex !== 0 || wLength > BUFFER) return 'stall';
    if (bmRequestType === 0x40 && bRequest === CONTROL_WRITE) {
      this.#written = Buffer.from(data);
      return Buffer.alloc(0);
    }
    if (bmRequestType !== (DIR_IN | 0x40) || bRequest !== CONTROL_READ) return 'stall';
    return Buffer.concat([this.#written], wLength);
  }

  /** The bulk OUT endpoint: the kernel's module has 0x01, one that configfs made the next free number. */
  get #sink(): number {
    const endpoints = this.configuration?.settings[0]?.endpoints ?? [];
    return endpoints.find(({ address, type }) => type === 'bulk' && (address & DIR_IN) === 0)?.address ?? 0;
  }

  #pattern(offset: number, size: number): Buffer {
    return (this.pattern === 1 ? MOD63 : ZEROS).subarray(offset, offset + size);
  }

  #take(packet: Buffer): 'ack' | 'nak' {
    if (this.#filled.length >= LOOPBACK_BUFFERS) return 'nak';
    this.#filling.push(Buffer.from(packet));
    if (packet.length === PACKET && this.#filling.length < BUFFER / PACKET) return 'ack';
    // A short packet ends a buffer before it is full.
    this.#filled.push(this.#filling);
    this.#filling = [];
    this.onReady(SOURCE);
    return 'ack';
  }

  #give(): Buffer | 'nak' {
    const packet = this.#filled[0]?.shift();
    if (packet === undefined) return 'nak';
    if (this.#filled[0]?.length === 0) {
      this.#filled.shift();
      this.onReady(this.#sink);
    }
    return packet;
  }
}

function savePacket(packet: Buffer): Saved {
  return { length: packet.length, data: hexOf(packet) };
}

function readPackets(state: StateReader): Buffer[] {
  return state.list(BUFFER / PACKET).map((packet) => packet.at('data').bytes(packet.at('length').integer(PACKET)));
}

/** Zeros, more than a buffer has: a packet may begin near its end. */
const ZEROS = Buffer.alloc(2 * BUFFER);
/** The pattern of reinit_write_data(), which starts over in each packet of the endpoint. */
const MOD63 = Buffer.from(Array.from(ZEROS, (_, i) => (i % PACKET) % 63));
