// storm.cjs SIGNALS SEED: in the guest, commands that change something for their own time or for good, and signals at
// random moments, once and twice. Compares drivers, overrides, command registers (bus mastering, the interrupt mask) and
// the settings of USB devices before and after. Prints a line of JSON.
const { spawn } = require('node:child_process');
const fs = require('node:fs');

const [wanted, seed] = process.argv.slice(2).map(Number);
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGALRM', 'SIGUSR2', 'SIGXCPU'];
const [EDU, RNG] = ['0000:00:03.0', '0000:02:02.0'];

/** Commands, each with its standard input left open and silent. */
const LINES = [
  () => 'usb bulk 1-4 0x02 --data - --detach',
  () => 'usb int 1-3.1 0x81 --length 8 --count 1000 --detach',
  () => 'uio watch-irq uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24',
  () => `vfio watch-irq ${EDU} --loopback`,
  () => `vfio dma-test ${EDU}`,
  // Changes for good, or not at all, and the next one changes it back.
  () => (driverOf(RNG) === 'vfio-pci' ? `restore ${RNG}` : `bind ${RNG} vfio-pci`),
];

/** Numbers from 0 to 1, by the seed (mulberry32). */
let state = seed;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const among = (list) => list[Math.floor(random() * list.length)];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const read = (path) => {
  try {
    return fs.readFileSync(path, 'latin1').trim();
  } catch {
    return null;
  }
};
const link = (path) => {
  try {
    return fs.readlinkSync(path).split('/').at(-1);
  } catch {
    return null;
  }
};
const driverOf = (address) => link(`/sys/bus/pci/devices/${address}/driver`);

/** What the machine has that a command could leave changed, by path. */
function machine() {
  const found = {};
  for (const address of fs.readdirSync('/sys/bus/pci/devices')) {
    const at = `/sys/bus/pci/devices/${address}`;
    if (address === RNG) {
      // Either way, but whole.
      const [driver, override] = [driverOf(address), read(`${at}/driver_override`)];
      const known = { 'virtio-pci': '(null)', 'vfio-pci': 'vfio-pci' };
      found[address] = known[driver] === override ? 'whole' : `${driver} ${override}`;
      continue;
    }
    const command = fs.readFileSync(`${at}/config`).readUInt16LE(4);
    found[address] = `${driverOf(address)} ${read(`${at}/driver_override`)} 0x${command.toString(16)}`;
  }
  for (const name of fs.readdirSync('/sys/bus/usb/devices')) {
    const at = `/sys/bus/usb/devices/${name}`;
    const settings = ['bConfigurationValue', 'bAlternateSetting'].map((attribute) => read(`${at}/${attribute}`));
    found[name] = [link(`${at}/driver`), ...settings].join(' ');
  }
  return found;
}

/** Runs a command to its end. @param moment after its start when a signal comes; undefined: none, but at its first call */
async function run(line, signals, moment, isRead) {
  const child = spawn('udrv', ['--trace', ...line.split(' ')], { stdio: ['pipe', 'pipe', 'pipe'] });
  const start = performance.now();
  let [first, stderr] = [undefined, ''];
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
    if (/^(open|write|socket)/m.test(stderr)) first ??= performance.now() - start;
  });
  if (isRead) child.stdout.resume();
  if (moment === undefined) while (first === undefined && child.exitCode === null) await sleep(5);
  else await Promise.race([sleep(moment), ended]);
  let [sent, last] = [0, performance.now()];
  for (const { name, afterMs } of signals) {
    await sleep(afterMs);
    if (child.exitCode !== null || child.signalCode !== null) break;
    child.kill(name);
    sent++;
    last = performance.now();
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const exit = await ended;
  clearTimeout(timer);
  child.stdout.destroy();
  child.stderr.destroy();
  child.stdin.destroy();
  return { exit, sent, ms: Math.round(performance.now() - last), first, stderr };
}

/** Time that a program takes in this guest which does no more than to end at a signal: the yardstick. */
async function bareMs() {
  const times = [];
  for (let i = 0; i < 5; i++) {
    const code = 'process.on("SIGTERM", () => process.exit(143)); setInterval(() => {}, 1e6); console.log("up")';
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    const start = performance.now();
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    times.push(performance.now() - start);
  }
  return Math.round(Math.max(...times));
}

async function main() {
  const before = machine();
  const starts = new Map();
  const result = {
    seed,
    bareMs: await bareMs(),
    cases: 0,
    signals: 0,
    exits: {},
    slowestMs: 0,
    slowest: '',
    faults: [],
  };
  while (result.signals < wanted) {
    const index = result.cases % LINES.length;
    const line = LINES[index]();
    if (!starts.has(line))
      starts.set(line, (await run(line, [{ name: 'SIGINT', afterMs: 0 }], undefined, true)).first ?? 1000);
    const start = starts.get(line);
    // Mostly from a little before it does something on.
    const moment = random() < 0.1 ? random() * start : start * 0.9 + random() * start * 0.7;
    const one = { name: among(SIGNALS), afterMs: 0 };
    const signals = random() < 0.5 ? [one] : [one, { name: among(SIGNALS), afterMs: random() * 40 }];
    const isRead = random() < 0.7;
    const { exit, sent, ms, stderr } = await run(line, signals, moment, isRead);
    result.cases++;
    result.signals += sent;
    result.exits[exit] = (result.exits[exit] ?? 0) + 1;
    const title = `${line}, ${signals.map(({ name }) => name).join(' and ')} after ${Math.round(moment)} ms`;
    if (sent > 0 && ms > result.slowestMs) Object.assign(result, { slowestMs: ms, slowest: title });
    if (exit === 'SIGKILL') result.faults.push(`${title}: hung`);
    if (/internal error|^ +at /m.test(stderr)) result.faults.push(`${title}: ${stderr.slice(-500)}`);
    const after = machine();
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      if (before[key] !== after[key]) {
        result.faults.push(
          `${title}, exit ${exit}: ${key} was ${before[key]}, is ${after[key]}: ${stderr.slice(-800)}`,
        );
        before[key] = after[key];
      }
  }
  console.log(JSON.stringify(result));
}

void main();
