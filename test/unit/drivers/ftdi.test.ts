// The driver of FTDI's chips, on the simulated machine with a serial adapter.

import { findDevice } from '../../../src/devices/select';
import { baudDivisor, Ftdi } from '../../../src/drivers/ftdi';
import { NameDatabase } from '../../../src/names/database';
import { UsbDevice } from '../../../src/usb/device/device';
import { machineWithFtdi } from '../../support/ftdi-machine';

let sim: ReturnType<typeof machineWithFtdi>;
let device: UsbDevice;

function inspected(address: string) {
  const info = findDevice(sim.sys, new NameDatabase(sim.sys), address);
  if (info.framework !== 'usb') throw new Error(`${address} is no USB device`);
  return info;
}

beforeEach(() => {
  sim = machineWithFtdi();
  device = UsbDevice.open(sim.sys, inspected(sim.address));
});
afterEach(() => device.close());

/** Bytes of which no 251 in a row repeat within a packet. */
const pattern = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i % 251));

async function take(port: Ftdi, length: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let taken = 0; taken < length; ) {
    const piece = await port.read();
    if (piece === null) break;
    pieces.push(piece);
    taken += piece.length;
  }
  return Buffer.concat(pieces);
}

test.each([
  // AN232B-05, and the divisors that it gives.
  [3_000_000, 0, 0, 3_000_000],
  [2_000_000, 1, 0, 2_000_000],
  [1_500_000, 2, 0, 1_500_000],
  [921_600, 0x8003, 0, 923_076.92],
  [460_800, 0x4006, 0, 461_538.46],
  [230_400, 13, 0, 230_769.23],
  [115_200, 26, 0, 115_384.62],
  [57_600, 0xc034, 0, 57_553.96],
  [38_400, 0xc04e, 0, 38_400],
  [9600, 0x4138, 0, 9600],
  [470_588, 6, 1, 470_588.24],
  [300, 10_000, 0, 300],
  [183.2, 0x7ff7, 0, 183.2],
])('%s baud', (baud, value, index, rate) => {
  const divisor = baudDivisor(baud);
  expect([divisor.value, divisor.index]).toEqual([value, index]);
  expect(divisor.rate).toBeCloseTo(rate, 1);
});

test.each([0, -9600, 100, 1_750_000, 3_100_000, 4_000_000, Number.NaN])('%s baud is no rate', (baud) => {
  expect(() => baudDivisor(baud)).toThrow(RangeError);
});

test('the open sets the line, the close lowers DTR and RTS', async () => {
  const port = await Ftdi.open(device, {
    baud: 38_400,
    dataBits: 7,
    parity: 'even',
    stopBits: 2,
    flowControl: 'rts-cts',
    latencyMs: 2,
  });
  expect(port.chip).toBe('FT232BM');
  expect(sim.adapter.settings).toEqual({
    baud: [0xc04e, 0],
    line: [7 | (2 << 8) | (2 << 11), 0],
    flow: [0, 1 << 8],
    latency: [2, 0],
    modem: [0x303, 0],
  });
  expect(port.modem).toEqual({ cts: true, dsr: true, ring: false, carrier: true });
  await port.setModemLines({ rts: false });
  expect(sim.adapter.settings.modem).toEqual([0x200, 0]);
  await port.setLine({ flowControl: 'xon-xoff' });
  expect(sim.adapter.settings.flow).toEqual([0x1311, 4 << 8]);
  await port.close();
  await port.close();
  expect(sim.adapter.settings.modem).toEqual([0x300, 0]);
  await expect(port.write(Buffer.of(1))).rejects.toThrow('closed');
  expect(await port.read()).toBeNull();
});

test('a break is on the line as long as it is asked for', async () => {
  await using port = await Ftdi.open(device);
  const broken = port.sendBreak(20);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(sim.adapter.settings.line[0]).toBe(8 | 0x4000);
  await broken;
  expect(sim.adapter.settings.line[0]).toBe(8);
});

test('64 KiB go out and come back equal', async () => {
  sim.adapter.onSent = (bytes) => sim.adapter.receive(bytes);
  await using port = await Ftdi.open(device);
  const bytes = pattern(64 * 1024);
  const [back] = await Promise.all([take(port, bytes.length), port.write(bytes)]);
  expect(back.equals(bytes)).toBe(true);
  await port.drain();
});

test('writes that are begun together stay whole and in order', async () => {
  const sent: Buffer[] = [];
  sim.adapter.onSent = (bytes) => sent.push(bytes);
  await using port = await Ftdi.open(device);
  const parts = Array.from({ length: 5 }, (_, i) => Buffer.alloc(30_000, i));
  await Promise.all(parts.map((part) => port.write(part)));
  expect(Buffer.concat(sent).equals(Buffer.concat(parts))).toBe(true);
  await port.write(Buffer.alloc(0));
});

test.each([1, 61, 62, 63, 124, 125, 2046, 2048, 5000])(
  '%s bytes, packets with their status taken out',
  async (length) => {
    await using port = await Ftdi.open(device);
    sim.adapter.receive(pattern(length));
    expect((await take(port, length)).equals(pattern(length))).toBe(true);
  },
);

test('packets of nothing but status change the lines, and are no bytes', async () => {
  await using port = await Ftdi.open(device);
  const reading = port.read();
  sim.adapter.setModem(0x40);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(port.modem).toEqual({ cts: false, dsr: false, ring: true, carrier: false });
  sim.adapter.receive(Buffer.from('x'), 0x02 | 0x04 | 0x08 | 0x10);
  expect(String(await reading)).toBe('x');
  expect(port.errors).toEqual({ overrun: 1, parity: 1, framing: 1, breaks: 1 });
});

test('the iterator ends with the close, with a read under way', async () => {
  const port = await Ftdi.open(device);
  sim.adapter.receive(Buffer.from('abc'));
  const pieces: string[] = [];
  for await (const bytes of port) {
    pieces.push(String(bytes));
    setTimeout(() => void port.close(), 5);
  }
  expect(pieces).toEqual(['abc']);
});

test('an adapter that is pulled out ends reads and writes, and the close is quiet', async () => {
  const port = await Ftdi.open(device);
  const reading = expect(port.read()).rejects.toMatchObject({ exit: 8 });
  sim.machine.unplug(sim.address);
  await reading;
  await expect(port.read()).rejects.toMatchObject({ exit: 8 });
  await expect(port.write(Buffer.of(1))).rejects.toMatchObject({ exit: 8 });
  await port.close();
});

test('a refused request is an error', async () => {
  await using port = await Ftdi.open(device);
  await expect(port.setLine({ latencyMs: 0 })).rejects.toThrow(RangeError);
  await expect(port.setLine({ baud: 5_000_000 })).rejects.toThrow(RangeError);
  sim.machine.usbDevice(sim.address).fn.halted.add(2);
  await expect(port.write(Buffer.of(1))).rejects.toMatchObject({
    exit: 7,
    subject: `${sim.address} writing`,
    message: 'stalled: the device refuses, 0 of 1 bytes done',
  });
});

test.each(['1-4', '1-3.1'])('%s is no such chip', async (address) => {
  using other = UsbDevice.open(sim.sys, inspected(address));
  await expect(Ftdi.open(other)).rejects.toMatchObject({ exit: 9 });
});
