// The driver of e1000e on real kernels, with QEMU's ports and cables.
import { describeInLab } from './jest';
import { NETWORK } from './machine';

const PORTS = ['0000:00:0d.0', '0000:00:0e.0', '0000:00:0f.0', '0000:00:10.0'] as const;
const PACKETS = 1_000_000;
const FORWARDED = 30_000;
/**
 * Packets under way at a time. Each port has 511 entries to receive into, and QEMU keeps packets that find none: then its
 * hub lets newer ones pass those that it has kept, and drops what is more than 10,000 (net/hub.c, net/queue.c). `npm run
 * bench -- net` shows that of the C program, without a forwarder.
 */
const WINDOW = 256;
const EXAMPLE = 'fixtures/examples/e1000e.mjs';

const OPEN = `
  const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require('./dist/index.js');
  const { E1000e, PacketBatch, PacketBuffers } = require('./dist/drivers/e1000e.js');
  const sys = new LinuxSys();
  const open = (address) => VfioDevice.open(sys, findDevice(sys, new NameDatabase(sys), address), { mmap: true });
`;

/** Sends packets of 60 to 1500 bytes from a port to another, which may be behind a forwarder; each word of each is another. */
const send = (sender: string, receiver: string, packets: number) => `${OPEN}
  (async () => {
    const devices = [open('${sender}'), open('${receiver}')];
    const [from, to] = await Promise.all(devices.map((device) => E1000e.open(device, { interrupts: false })));
    await Promise.all([from.linkUp(), to.linkUp()]);
    const words = from.buffers.words;
    const arrived = to.buffers.words;
    const out = new PacketBatch(32);
    const into = new PacketBatch(32);
    const lengthOf = (number) => (number % 64 === 0 ? 1500 : 60 + (number % 5));
    let [sent, received, wrong, last] = [0, 0, 0, performance.now()];
    while (received < ${packets}) {
      const first = out.count;
      const most = Math.min(${packets} - sent, ${WINDOW} - (sent - received));
      from.buffers.take(out, 0, Math.min(32, first + most));
      for (let i = first; i < out.count; i++, sent++) {
        const at = out.buffers[i] * (PacketBuffers.SIZE / 4);
        const length = lengthOf(sent);
        out.lengths[i] = length;
        words[at] = words[at + 1] = 0xffffffff;
        words[at + 2] = sent;
        // A type that is nobody's: QEMU drops packets with damaged headers of the types that it knows.
        words[at + 3] = 0xb588;
        let sum = 0;
        for (let word = 4; word < 14; word++) sum = (sum + (words[at + word] = Math.imul(sent + word, 2654435761))) | 0;
        words[at + 14] = sum;
      }
      from.send(out);
      const count = to.receive(into);
      for (let i = 0; i < count; i++, received++) {
        const at = into.buffers[i] * (PacketBuffers.SIZE / 4);
        let sum = 0;
        for (let word = 4; word < 14; word++) sum = (sum + arrived[at + word]) | 0;
        const whole = into.lengths[i] === lengthOf(received) && arrived[at + 2] === received && arrived[at + 14] === sum >>> 0;
        if (!whole || arrived[at + 4] !== Math.imul(received + 4, 2654435761) >>> 0) wrong++;
      }
      to.buffers.give(into);
      if (count > 0) last = performance.now();
      else if (performance.now() - last > 10_000) throw new Error('packet ' + received + ' did not come');
    }
    const { received: counted, missed } = to.statistics();
    await from.close();
    await to.close();
    for (const device of devices) device.close();
    console.log(received + ' packets, ' + wrong + ' wrong, ' + counted + ' counted, ' + missed + ' missed');
  })();
`;

/** After the close, memory of new buffers is where that of the ring's was, and the device may master the bus. */
const CANARY = `${OPEN}
  (async () => {
    const devices = [open('${PORTS[0]}'), open('${PORTS[1]}')];
    const [from, to] = await Promise.all(devices.map((device) => E1000e.open(device)));
    await Promise.all([from.linkUp(), to.linkUp()]);
    const out = new PacketBatch(32);
    const send = () => {
      from.buffers.take(out, 64);
      for (const buffer of out.buffers) from.buffers.bytes.fill(0xff, buffer * PacketBuffers.SIZE, (buffer + 1) * PacketBuffers.SIZE);
      from.send(out);
    };
    send();
    const came = await to.wait({ timeoutMs: 10_000 });
    devices[1].faults();
    const { iova, length } = to.buffers.memory;
    await to.close();
    const canary = devices[1].pool().allocate(length + 65536);
    canary.bytes.fill(0x5a);
    canary.map({ read: true, write: true });
    devices[1].setBusMaster(true);
    for (let i = 0; i < 50; i++) {
      send();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const same = canary.iova === iova && canary.bytes.every((byte) => byte === 0x5a);
    console.log(came, same, devices[1].faults().length);
    await from.close();
    for (const device of devices) device.close();
  })();
`;

describeInLab(
  'network',
  (lab) => {
    const run = (command: string | readonly string[]) => lab().run(command, { timeoutMs: 280_000 });

    beforeAll(async () => {
      for (const port of PORTS) expect(await run(`udrv bind ${port} vfio-pci`)).toMatchObject({ code: 0 });
    }, 120_000);

    test(`${PACKETS} packets arrive in order and intact`, async () => {
      expect(await run(['node', '-e', send(PORTS[0], PORTS[1], PACKETS)])).toMatchObject({
        stdout: `${PACKETS} packets, 0 wrong, ${PACKETS} counted, 0 missed\n`,
        stderr: '',
        code: 0,
      });
    }, 300_000);

    test(`${FORWARDED} packets go through the forwarder in order and intact`, async () => {
      const forwarder = lab().spawn(`exec udrv run --mmap ${EXAMPLE} ${PORTS[1]} forward ${PORTS[2]}`);
      const master = (port: string) => `[ $((0x$(setpci -s ${port} COMMAND) & 4)) = 4 ]`;
      await run(`until ${master(PORTS[1])} && ${master(PORTS[2])}; do sleep 0.1; done`);
      expect(await run(['node', '-e', send(PORTS[0], PORTS[3], FORWARDED)])).toMatchObject({
        stdout: `${FORWARDED} packets, 0 wrong, ${FORWARDED} counted, 0 missed\n`,
        stderr: '',
        code: 0,
      });
      forwarder.kill('SIGINT');
      expect(await forwarder.exitWithin(20_000)).toEqual({ code: 130, signal: null });
    }, 300_000);

    test('no DMA after the close: memory where the rings had theirs stays as it is', async () => {
      expect(await run(['node', '-e', CANARY])).toMatchObject({ stdout: 'true true 0\n', stderr: '', code: 0 });
    });

    test("Ctrl-C in the middle: the device is quiet, and the kernel's driver takes it back", async () => {
      const [port] = PORTS;
      const { code } = await run(
        `udrv run --mmap ${EXAMPLE} ${port} generate > /tmp/sent & pid=$!; until grep -q sent /tmp/sent; do sleep 0.1; done; kill -INT $pid; wait $pid`,
      );
      expect(code).toBe(130);
      const MASTER = 4;
      expect(Number.parseInt((await run(`setpci -s ${port} COMMAND`)).stdout, 16) & MASTER).toBe(0);
      // Debian's kernel has it as a module.
      await run('modprobe e1000e');
      expect(await run(`udrv bind ${port} e1000e`)).toMatchObject({ code: 0 });
      const link = `/sys/bus/pci/devices/${port}/net/*`;
      const up = `for i in /sys/bus/pci/devices/${port}/net/*; do ip link set \${i##*/} up; done; until grep -q 1 ${link}/carrier; do sleep 0.1; done; cat ${link}/address`;
      expect((await run(up)).stdout).toBe('52:54:00:12:34:56\n');
      expect(await run(`udrv bind --force ${port} vfio-pci`)).toMatchObject({ code: 0 });
    });
  },
  { long: 'stock', qemuArgs: NETWORK },
);
