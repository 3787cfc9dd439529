// The driver of Intel's 82574L on two simulated ports with a cable between them.
import { findDevice } from '../../../src/devices/select';
import { E1000e, type E1000eOptions, PacketBatch, PacketBuffers } from '../../../src/drivers/e1000e';
import { NameDatabase } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { VfioDevice } from '../../../src/vfio/device/device';

const ADDRESSES = ['0000:00:0d.0', '0000:00:0e.0'] as const;
const CTRL = 0x0;
const RCTL = 0x100;
const TCTL = 0x400;
const IMS = 0xd0;
const WORDS = PacketBuffers.SIZE / 4;

let sim: SimulatedMachine;
let devices: [VfioDevice, VfioDevice];

beforeEach(() => {
  sim = simulatedMachine({ more: ['network'] });
  devices = [open(ADDRESSES[0], true), open(ADDRESSES[1], false)];
});
afterEach(() => {
  for (const device of devices) device.close();
});

/** @param mmap its registers by a mapping, else by pread */
function open(address: string, mmap: boolean): VfioDevice {
  sim.sys.writeFile(`/sys/bus/pci/devices/${address}/driver_override`, 'vfio-pci');
  sim.sys.writeFile('/sys/bus/pci/drivers_probe', address);
  const info = findDevice(sim.sys, new NameDatabase(sim.sys), address);
  if (info.framework !== 'vfio') throw new Error(`${address} is not bound to a VFIO driver`);
  return VfioDevice.open(sim.sys, info, { mmap });
}

const both = (options: E1000eOptions = {}) => Promise.all(devices.map((device) => E1000e.open(device, options)));

/** Broadcasts of 64 bytes with a number in each, from a port. */
function write(port: E1000e, batch: PacketBatch, first: number, length = 64): void {
  const before = batch.count;
  port.buffers.take(batch, length);
  for (let i = before; i < batch.count; i++) {
    const at = (batch.buffers[i] ?? 0) * WORDS;
    port.buffers.words.fill(0xffff_ffff, at, at + 3);
    port.buffers.words[at + 4] = first + i - before;
  }
}

/** Takes the numbers of packets out of a batch, and gives their buffers back. */
function numbers(port: E1000e, batch: PacketBatch): number[] {
  const found = [...batch.buffers.subarray(0, batch.count)].map(
    (buffer) => port.buffers.words[buffer * WORDS + 4] ?? -1,
  );
  port.buffers.give(batch);
  return found;
}

test('it takes the address of the EEPROM, and the link comes up', async () => {
  const [one, other] = await both();
  expect([one?.address, other?.address]).toEqual(['52:54:00:12:34:56', '52:54:00:12:34:57']);
  await one?.linkUp();
  expect(one?.link).toEqual({ up: true, speed: 1000, fullDuplex: true });
  await one?.close();
  await other?.close();
});

describe.each([[true], [false]])('with interrupts: %s', (interrupts) => {
  test('packets arrive in order and intact, over the end of the rings, both ways', async () => {
    const [one, other] = (await both({ entries: 16, interrupts })) as [E1000e, E1000e];
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const out = new PacketBatch(7);
      const into = new PacketBatch(32);
      let next = 0;
      const arrived: number[] = [];
      while (arrived.length < 1000) {
        write(from, out, next);
        next += from.send(out);
        from.buffers.give(out);
        await to.wait({ timeoutMs: 1000 });
        to.receive(into);
        expect([...into.lengths.subarray(0, into.count)].every((length) => length === 64)).toBe(true);
        arrived.push(...numbers(to, into));
      }
      expect(arrived).toEqual(arrived.map((_, i) => i));
      expect(from.pending).toBe(0);
    }
    await one.close();
    await other.close();
  });

  test('a wait ends: by a packet that comes, by time, by a signal, by the close', async () => {
    const [one, other] = (await both({ interrupts })) as [E1000e, E1000e];
    expect(await other.wait({ timeoutMs: 20 })).toBe(false);
    const abort = new AbortController();
    const aborted = other.wait({ signal: abort.signal });
    abort.abort();
    expect(await aborted).toBe(false);
    const waiting = other.wait({ timeoutMs: 5000 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    const out = new PacketBatch(1);
    write(one, out, 5);
    one.send(out);
    expect(await waiting).toBe(true);
    const into = new PacketBatch(4);
    expect([other.receive(into), numbers(other, into)]).toEqual([1, [5]]);
    const closed = other.wait();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await other.close();
    expect(await closed).toBe(false);
    await one.close();
  });
});

test('what does not fit into the ring stays in the batch, and nothing is lost while the other does not receive', async () => {
  const [one, other] = (await both({ entries: 8, interrupts: false })) as [E1000e, E1000e];
  const out = new PacketBatch(10);
  const into = new PacketBatch(100);
  write(one, out, 0);
  expect([one.send(out), out.count]).toEqual([7, 3]);
  // The device has sent them; the other's ring is full.
  expect([one.send(out), out.count]).toEqual([3, 0]);
  const arrived: number[] = [];
  while (arrived.length < 10) {
    expect(other.receive(into)).toBeGreaterThan(0);
    arrived.push(...numbers(other, into));
  }
  expect(arrived).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await one.close();
  await other.close();
});

test('without a free buffer, packets stay in the ring', async () => {
  const [one, other] = (await both({ entries: 16, interrupts: false })) as [E1000e, E1000e];
  const hoard = new PacketBatch(4000);
  other.buffers.take(hoard, 64);
  expect(other.buffers.free).toBe(0);
  const out = new PacketBatch(3);
  write(one, out, 0);
  one.send(out);
  const into = new PacketBatch(8);
  expect(other.receive(into)).toBe(0);
  hoard.count -= 2;
  for (let i = 0; i < 2; i++) other.buffers.giveOne(hoard.buffers[hoard.count + i] ?? 0);
  expect(other.receive(into)).toBe(2);
  expect([numbers(other, into), other.receive(into), numbers(other, into)]).toEqual([[0, 1], 1, [2]]);
  await one.close();
  await other.close();
});

test('two ports with the same buffers pass packets on without copying', async () => {
  const one = await E1000e.open(devices[0], { interrupts: false });
  const other = await E1000e.open(devices[1], { interrupts: false, buffers: one.buffers });
  const free = one.buffers.free;
  const batch = new PacketBatch(32);
  write(one, batch, 0);
  const sent = [...batch.buffers.subarray(0, batch.count)];
  one.send(batch);
  const arrived: number[] = [];
  for (let hop = 0; hop < 100; hop++) {
    const [to, from] = hop % 2 === 0 ? [other, one] : [one, other];
    to.receive(batch);
    expect(batch.count).toBe(32);
    if (hop === 99) arrived.push(...batch.buffers.subarray(0, 32));
    else expect(to.send(batch)).toBe(32);
    expect(from.pending).toBe(0);
  }
  expect(arrived).toHaveLength(32);
  expect(sent).toHaveLength(32);
  expect(numbers(one, batch)).toEqual(Array.from({ length: 32 }, (_, i) => i));
  expect(one.buffers.free).toBe(free);
  await other.close();
  // Those of the other's ring are free again.
  expect(one.buffers.free).toBe(free + 511);
  await one.close();
});

test('only packets for it: its own address, broadcast; all of them where it is promiscuous', async () => {
  const [one, other] = (await both({ interrupts: false })) as [E1000e, E1000e];
  const send = (address: string) => {
    const out = new PacketBatch(1);
    write(one, out, 0);
    one.buffers.bytes.set(Buffer.from(address.replaceAll(':', ''), 'hex'), (out.buffers[0] ?? 0) * PacketBuffers.SIZE);
    one.send(out);
    const into = new PacketBatch(1);
    return (port: E1000e) => {
      const count = port.receive(into);
      port.buffers.give(into);
      return count;
    };
  };
  expect(send(other.address)(other)).toBe(1);
  expect(send('ff:ff:ff:ff:ff:ff')(other)).toBe(1);
  expect(send('52:54:00:00:00:01')(other)).toBe(0);
  expect(send('01:00:5e:00:00:01')(other)).toBe(0);
  await other.close();
  const all = await E1000e.open(devices[1], { interrupts: false, promiscuous: true });
  expect(send('52:54:00:00:00:01')(all)).toBe(1);
  expect(send('01:00:5e:00:00:01')(all)).toBe(1);
  expect(all.statistics()).toMatchObject({ received: 2, receivedBytes: 2 * 68, missed: 0 });
  expect(one.statistics()).toMatchObject({ sent: 6, received: 0 });
  expect(one.statistics()).toMatchObject({ sent: 6 });
  await one.close();
  await all.close();
});

test('the longest and the shortest packet', async () => {
  const [one, other] = (await both({ interrupts: false })) as [E1000e, E1000e];
  const out = new PacketBatch(1);
  const into = new PacketBatch(2);
  for (const [length, arrives] of [
    [14, 60],
    [60, 60],
    [1518, 1518],
  ] as const) {
    write(one, out, 0, length);
    one.send(out);
    other.receive(into);
    expect(into.lengths[0]).toBe(arrives);
    other.buffers.give(into);
  }
  await one.close();
  await other.close();
});

test('the close leaves the device quiet: rings off, interrupts masked, no bus mastering, nothing mapped', async () => {
  const [one, other] = (await both()) as [E1000e, E1000e];
  const { memory } = other.buffers;
  const waiting = other.wait();
  await other.close();
  await other.close();
  await waiting;
  const registers = devices[1].region('bar0');
  expect([RCTL, TCTL, IMS].map((register) => registers.read(register, 4))).toEqual([0, 0, 0]);
  expect(devices[1].busMaster).toBe(false);
  expect(memory.mapped).toBe(false);
  expect(devices[1].faults()).toEqual([]);
  // Even with bus mastering, and other memory where its own was.
  const canary = devices[1].pool().allocate(memory.length + 65536);
  expect(canary.iova).toBe(memory.iova);
  canary.bytes.fill(0x5a);
  canary.map({ read: true, write: true });
  devices[1].setBusMaster(true);
  const out = new PacketBatch(32);
  write(one, out, 0);
  one.send(out);
  expect(canary.bytes.every((byte) => byte === 0x5a)).toBe(true);
  expect(devices[1].faults()).toEqual([]);
  expect([other.receive(out), other.send(out), other.pending]).toEqual([0, 0, 0]);
  expect(() => other.statistics()).toThrow('closed');
  await one.close();
});

test('a second open takes the device in whatever state the first one left it', async () => {
  const registers = devices[0].region('bar0');
  for (const [register, value] of [
    [CTRL, 0x4000_0004],
    [0x5008, 0x8000],
    [RCTL, 0xffff_ffff],
    [IMS, 0xffff_ffff],
    [0x2810, 77],
    [0x3810, 5],
  ] as const)
    registers.write(register, 4, value);
  for (let i = 0; i < 3; i++) {
    const [one, other] = (await both({ entries: 16 })) as [E1000e, E1000e];
    const out = new PacketBatch(3);
    write(other, out, 7);
    other.send(out);
    await one.wait({ timeoutMs: 1000 });
    const into = new PacketBatch(8);
    one.receive(into);
    expect(numbers(one, into)).toEqual([7, 8, 9]);
    await other.close();
    await one.close();
  }
});

test.each([[12], [0], [8192]])('%s entries are refused', async (entries) => {
  await expect(E1000e.open(devices[0], { entries })).rejects.toThrow(RangeError);
});

test('a device that does not answer is an error, and a port that fails to open leaves nothing behind', async () => {
  const fn = ADDRESSES[1];
  sim.controls.setPower(fn, 'D3hot');
  await expect(E1000e.open(devices[1])).rejects.toThrow('the kernel does not reach it');
  sim.controls.setPower(fn, 'D0');
  const one = await E1000e.open(devices[1]);
  await one.close();
});
