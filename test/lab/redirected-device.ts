import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from './lab';

/**
 * A USB device that this process plays, redirected into the guest by QEMU's usb-redir: a high-speed device with an
 * isochronous source, which neither dummy_hcd (it refuses isochronous endpoints) nor a device of QEMU's own has.
 *
 * The protocol is that of usbredir: docs/usb-redirection-protocol.md of spice's usbredir, version 0.7 without any
 * capability. Each packet is type, length and id, 32 bits each, little-endian, then what the type says.
 */

const HELLO = 0;
const DEVICE_CONNECT = 1;
const INTERFACE_INFO = 4;
const EP_INFO = 5;
const SET_CONFIGURATION = 6;
const GET_CONFIGURATION = 7;
const CONFIGURATION_STATUS = 8;
const SET_ALT_SETTING = 9;
const GET_ALT_SETTING = 10;
const ALT_SETTING_STATUS = 11;
const START_ISO_STREAM = 12;
const STOP_ISO_STREAM = 13;
const ISO_STREAM_STATUS = 14;
const CONTROL_PACKET = 100;
const ISO_PACKET = 102;

const HEADER = 12;
const SUCCESS = 0;
const STALL = 4;
const HIGH_SPEED = 2;
const ISO = 1;
const INVALID = 255;

export const ISO_ENDPOINT = 0x81;
export const ISO_PACKET_SIZE = 192;

/** The IDs in its device descriptor: pid.codes' pair for tests. */
const VENDOR = 0x1209;
const PRODUCT = 0x0001;

const u16 = (value: number) => [value & 0xff, value >> 8];

const DEVICE = [18, 1, ...u16(0x0200), 0, 0, 0, 64, ...u16(VENDOR), ...u16(PRODUCT), ...u16(0x0100), 0, 0, 0, 1];
const INTERFACES = [
  [9, 4, 0, 0, 0, 0xff, 0, 0, 0],
  [9, 4, 0, 1, 1, 0xff, 0, 0, 0],
  // Asynchronous isochronous, in; every 8 microframes.
  [7, 5, ISO_ENDPOINT, 5, ...u16(ISO_PACKET_SIZE), 4],
].flat();
const CONFIGURATION = [9, 2, ...u16(9 + INTERFACES.length), 1, 1, 0, 0x80, 50, ...INTERFACES];

export class RedirectedDevice {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #alt = 0;
  #stream: NodeJS.Timeout | undefined;
  /** Packets that were sent; each begins with its number. */
  #sent = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (data) => this.#take(data));
    // A QEMU that ends ends this too.
    socket.on('error', () => this.#stop());
    socket.on('close', () => this.#stop());
  }

  /** Plugs it in. @param port of the xhci */
  static async plug(lab: Lab, port: string): Promise<RedirectedDevice> {
    const dir = mkdtempSync(join(tmpdir(), 'udrv-usb-'));
    try {
      const path = join(dir, 'redirected');
      const addr = { type: 'unix', data: { path } };
      await lab.qmp('chardev-add', {
        id: 'redirected',
        backend: { type: 'socket', data: { addr, server: true, wait: false } },
      });
      const socket = connect(path);
      const device = new RedirectedDevice(socket);
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
      await lab.qmp('device_add', {
        driver: 'usb-redir',
        chardev: 'redirected',
        id: 'redirected',
        bus: 'xhci.0',
        port,
      });
      return device;
    } finally {
      rmSync(dir, { recursive: true });
    }
  }

  /** The way of a cable that is pulled. */
  unplug(): void {
    this.#stop();
    this.#socket.destroy();
  }

  #take(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= HEADER) {
      const type = this.#received.readUInt32LE(0);
      const end = HEADER + this.#received.readUInt32LE(4);
      if (this.#received.length < end) return;
      const packet = this.#received.subarray(HEADER, end);
      const id = this.#received.readUInt32LE(8);
      this.#received = this.#received.subarray(end);
      this.#answer(type, id, packet);
    }
  }

  #answer(type: number, id: number, packet: Buffer): void {
    const [first = 0, second = 0] = packet;
    switch (type) {
      case HELLO:
        this.#send(HELLO, 0, Buffer.alloc(64 + 4));
        this.#sendInterfaces();
        this.#sendEndpoints();
        this.#send(DEVICE_CONNECT, 0, [HIGH_SPEED, 0, 0, 0, ...u16(VENDOR), ...u16(PRODUCT)]);
        break;
      case SET_CONFIGURATION:
      case GET_CONFIGURATION:
        this.#send(CONFIGURATION_STATUS, id, [SUCCESS, 1]);
        break;
      case SET_ALT_SETTING:
        this.#stop();
        this.#alt = second;
        this.#sendEndpoints();
        this.#send(ALT_SETTING_STATUS, id, [SUCCESS, first, this.#alt]);
        break;
      case GET_ALT_SETTING:
        this.#send(ALT_SETTING_STATUS, id, [SUCCESS, first, this.#alt]);
        break;
      case START_ISO_STREAM:
        this.#send(ISO_STREAM_STATUS, id, [SUCCESS, ISO_ENDPOINT]);
        this.#start();
        break;
      case STOP_ISO_STREAM:
        this.#stop();
        this.#send(ISO_STREAM_STATUS, id, [SUCCESS, ISO_ENDPOINT]);
        break;
      case CONTROL_PACKET:
        this.#control(id, packet);
    }
  }

  /** endpoint, request, requesttype, status, value, index, length; then the data. */
  #control(id: number, packet: Buffer): void {
    const descriptors: Record<number, number[]> = { 256: DEVICE, 512: CONFIGURATION };
    const wanted = packet[1] === 6 && packet[2] === 0x80 ? descriptors[packet.readUInt16LE(4)] : undefined;
    const data = Buffer.from(wanted ?? []).subarray(0, packet.readUInt16LE(8));
    const head = Buffer.from(packet.subarray(0, 10));
    head.writeUInt8(wanted === undefined ? STALL : SUCCESS, 3);
    head.writeUInt16LE(data.length, 8);
    this.#send(CONTROL_PACKET, id, Buffer.concat([head, data]));
  }

  #start(): void {
    this.#stop();
    const start = Date.now();
    const before = this.#sent;
    // A packet for each millisecond, whenever there is time for them.
    this.#stream = setInterval(() => {
      while (this.#sent - before < Date.now() - start) this.#sendPacket();
    }, 5);
  }

  #stop(): void {
    clearInterval(this.#stream);
  }

  #sendPacket(): void {
    const data = Buffer.alloc(ISO_PACKET_SIZE, 0x5a);
    data.writeUInt32LE(this.#sent++, 0);
    const head = [ISO_ENDPOINT, SUCCESS, ...u16(data.length)];
    this.#send(ISO_PACKET, 0, Buffer.concat([Buffer.from(head), data]));
  }

  /** Count; then of each of 32 its number, class, subclass and protocol. */
  #sendInterfaces(): void {
    const info = Buffer.alloc(4 + 4 * 32);
    info.writeUInt32LE(1);
    info[4 + 32] = 0xff;
    this.#send(INTERFACE_INFO, 0, info);
  }

  /** Sends the type, interval and interface of each of 16 endpoints out and 16 in. */
  #sendEndpoints(): void {
    const info = Buffer.alloc(3 * 32);
    info.fill(INVALID, 0, 32);
    info[0] = 0;
    info[16] = 0;
    if (this.#alt === 1) {
      info[16 + 1] = ISO;
      info[32 + 16 + 1] = 4;
    }
    this.#send(EP_INFO, 0, info);
  }

  #send(type: number, id: number, content: Uint8Array | readonly number[]): void {
    const bytes = Buffer.from(content as Uint8Array);
    const header = Buffer.alloc(HEADER);
    header.writeUInt32LE(type, 0);
    header.writeUInt32LE(bytes.length, 4);
    header.writeUInt32LE(id, 8);
    this.#socket.write(Buffer.concat([header, bytes]));
  }
}
