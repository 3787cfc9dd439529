import { writeFileSync } from 'node:fs';
import { NETWORK } from '../lab/machine';
import { quietest, verdict } from './measure';
import { compile, onKernels, type Run } from './on-kernels';

/** A cable is between the first two, and one between the others. */
const PORTS = ['0000:00:0d.0', '0000:00:0e.0', '0000:00:0f.0', '0000:00:10.0'] as const;
const BATCHES = [1, 32];
/** Rounds of each program, of which the best counts. */
const ROUNDS = 5;
/** Long enough that V8's compiled code is what the figures show. */
const SECONDS = 4;
const WARM_SECONDS = 2;
/** Until V8 has compiled the loop, which allocates nothing then. */
const STEADY_WARM_SECONDS = 8;
/** Packets a second through the forwarder: well below what either passes on, so that its latency is not a queue's. */
const RATE = 5000;
const LOAD_SECONDS = 10;
const STEADY_SECONDS = 10;
/** Packets under way: fewer than a port has entries for, more, and more than QEMU keeps. */
const WINDOWS = [256, 2048, 16_384];
const CHECK_SECONDS = 3;
const SCRIPT = 'node_modules/.cache/udrv/bench-network.cjs';

/**
 * The program beside e1000e.c: `loop` and `forward` as there, and `steady`, whose packets come between two collections
 * that are asked for. Node's clock is asked rarely: each reading of it is an object.
 */
const PROGRAM = `
  const { findDevice, LinuxSys, NameDatabase, VfioDevice } = require(process.cwd());
  const { E1000e, PacketBatch, PacketBuffers } = require(process.cwd() + '/dist/drivers/e1000e.js');
  const [work, size, seconds, ...addresses] = process.argv.slice(2);
  const sys = new LinuxSys();
  const devices = addresses.map((address) =>
    VfioDevice.open(sys, findDevice(sys, new NameDatabase(sys), address), { backend: 'group', mmap: true }));
  let isOver = false;
  process.on('SIGINT', () => { isOver = true; });

  function fill(words, buffer) {
    const at = buffer * (PacketBuffers.SIZE / 4);
    words[at] = words[at + 1] = words[at + 2] = 0xffffffff;
    words[at + 3] = 0xb588;
  }

  function loop(one, other, seconds) {
    const out = new PacketBatch(Number(size));
    const into = new PacketBatch(Number(size));
    const { words } = one.buffers;
    let received = 0;
    const begin = performance.now();
    let last = begin;
    while (last - begin < seconds * 1000) {
      for (let i = 0; i < 4096; i++) {
        const before = out.count;
        const count = one.buffers.take(out, 64);
        for (let k = before; k < count; k++) fill(words, out.buffers[k]);
        one.send(out);
        received += other.receive(into);
        other.buffers.give(into);
      }
      last = performance.now();
    }
    return (received / (last - begin)) * 1000;
  }

  async function forward(one, other) {
    const batch = new PacketBatch(Number(size));
    const { buffers } = one;
    console.log('ready');
    while (!isOver) {
      // Signals are served between two turns.
      for (let left = 65536; left > 0; left--) {
        left -= one.receive(batch);
        other.send(batch);
        buffers.give(batch);
        left -= other.receive(batch);
        one.send(batch);
        buffers.give(batch);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  (async () => {
    const options = { interrupts: false, promiscuous: true };
    const one = await E1000e.open(devices[0], options);
    const other = await E1000e.open(devices[1], work === 'forward' ? { ...options, buffers: one.buffers } : options);
    await Promise.all([one.linkUp(), other.linkUp()]);
    if (work === 'forward') await forward(one, other);
    else {
      loop(one, other, work === 'steady' ? ${STEADY_WARM_SECONDS} : ${WARM_SECONDS});
      if (work === 'steady') gc();
      const rate = loop(one, other, Number(seconds));
      if (work === 'steady') gc();
      console.log(work === 'steady' ? JSON.stringify({ rate }) : rate);
    }
    await one.close();
    await other.close();
    for (const device of devices) device.close();
  })();
`;

/** Packets against a C program in the same guest, in turns, and the collections that the driver causes. */
export async function benchNetwork(): Promise<boolean> {
  const program = compile('e1000e');
  writeFileSync(SCRIPT, PROGRAM);
  return onKernels(
    async (run) => {
      const groups: string[] = [];
      for (const port of PORTS) {
        await run(`udrv bind ${port} vfio-pci`);
        const group = (await run(['readlink', `/sys/bus/pci/devices/${port}/iommu_group`])).trim().replace(/.*\//, '');
        groups.push(`${port}=/dev/vfio/${group}`);
      }
      await cable(run, program, groups);
      const results: boolean[] = [];
      for (const batch of BATCHES) results.push(...(await rates(run, program, groups, batch)));
      results.push(...(await latencies(run, program, groups)));
      results.push(await steady(run));
      return results;
    },
    { qemuArgs: NETWORK },
  );
}

/** Shows what QEMU's cable does to packets that it has to keep; nothing of udrv runs. */
async function cable(run: Run, program: string, groups: readonly string[]): Promise<void> {
  for (const window of WINDOWS) {
    const output = await run([program, 'check', String(window), String(CHECK_SECONDS), ...groups.slice(0, 2)]);
    const [sent = 0, came = 0, late = 0, damaged = 0] = output.split(' ').map(Number);
    console.log(
      `       QEMU's cable, C, ${window} under way: ${sent} sent, ${sent - came} lost, ${late} out of order, ${damaged} damaged`,
    );
  }
}

/** Only batches of 32 have a bound. */
async function rates(run: Run, program: string, groups: readonly string[], batch: number): Promise<boolean[]> {
  const c: number[] = [];
  const udrv: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    c.push(Number(await run([program, 'loop', String(batch), String(SECONDS), ...groups.slice(0, 2)])));
    udrv.push(Number(await run(['node', SCRIPT, 'loop', String(batch), String(SECONDS), ...PORTS.slice(0, 2)])));
  }
  const shown = (values: number[]) => values.map((value) => value.toFixed(0)).join(' ');
  const what = `packets a second at batch ${batch}`;
  console.log(`  ${what}, of each round: udrv ${shown(udrv)}, C ${shown(c)}`);
  const ratio = Math.max(...c) / Math.max(...udrv);
  if (batch > 1) return [verdict(`${what}, C's over udrv's`, ratio, 1 / 0.6, ' times')];
  console.log(`       ${what}: ${(1 / ratio).toFixed(2)} of C's (not judged)`);
  return [];
}

interface Latency {
  p50: number;
  p99: number;
  p9999: number;
}

/** The load is C's for both. Each program has a processor of its own. */
async function latencies(run: Run, program: string, groups: readonly string[]): Promise<boolean[]> {
  const [first, second, third, fourth] = groups;
  const load = (seconds: number) => `taskset -c 1 ${program} load ${RATE} ${seconds} ${first} ${fourth}`;
  const measure = async (forwarder: string): Promise<Latency> => {
    const output = await run(`
      taskset -c 0 ${forwarder} > /tmp/forwarder & forwarder=$!
      until grep -q ready /tmp/forwarder; do kill -0 $forwarder || exit 1; sleep 0.1; done
      ${load(WARM_SECONDS)} > /tmp/warm && ${load(LOAD_SECONDS)}; code=$?
      kill -INT $forwarder && wait $forwarder && exit $code`);
    const [p50 = 0, p99 = 0, p9999 = 0, sent = 0, received = 0] = output.split(' ').map(Number);
    if (sent !== received) throw new Error(`${sent} packets were sent, ${received} came`);
    return { p50, p99, p9999 };
  };
  const c: Latency[] = [];
  const udrv: Latency[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    c.push(await measure(`${program} forward 32 1000 ${second} ${third}`));
    udrv.push(await measure(`node ${SCRIPT} forward 32 0 ${PORTS[1]} ${PORTS[2]}`));
  }
  const shown = (all: Latency[]) =>
    all.map(({ p50, p99, p9999 }) => `${p50.toFixed(0)}/${p99.toFixed(0)}/${p9999.toFixed(0)}`).join(' ');
  console.log(`  forwarding, p50/p99/p99.99 in us of each round: udrv ${shown(udrv)}, C ${shown(c)}`);
  const over = (name: keyof Latency) => quietest(udrv.map((one) => one[name])) / quietest(c.map((one) => one[name]));
  console.log(`       forwarding, p50 over that of C: ${over('p50').toFixed(2)} times (not judged)`);
  return [
    verdict('forwarding, p99 over that of C', over('p99'), 2, ' times'),
    verdict('forwarding, p99.99 over that of C', over('p9999'), 5, ' times'),
  ];
}

async function steady(run: Run): Promise<boolean> {
  const command = ['node', '--trace-gc', '--expose-gc', SCRIPT, 'steady', '32', String(STEADY_SECONDS)];
  const lines = (await run([...command, ...PORTS.slice(0, 2)])).split('\n');
  const asked = lines.flatMap((line, i) => (/testing/.test(line) ? [i] : []));
  const [begin, end] = asked.slice(-2);
  const result = lines.find((line) => line.startsWith('{"rate"'));
  if (begin === undefined || end === undefined || result === undefined) throw new Error(lines.join('\n'));
  const collections = lines.slice(begin + 1, end).filter((line) => / ms: /.test(line)).length;
  const { rate } = JSON.parse(result) as { rate: number };
  return verdict(`collections in ${STEADY_SECONDS} s, ${rate.toFixed(0)} packets a second`, collections, 0, '');
}
