import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environment } from '../support/environment';
import { PATIENCE, ROOT, UDRV } from './udrv';

const EDU = '0000:00:03.0';
const directory = mkdtempSync(join(tmpdir(), 'udrv-unread-'));
const fifo = join(directory, 'fifo');
execFileSync('mkfifo', [fifo]);
afterAll(() => rmSync(directory, { recursive: true }));

/** Commands that write until they are stopped, with a device open or an interface detached. */
const WITHOUT_END = [
  'usb bulk 1-2 0x81 --length 400G --detach -o -',
  `usb bulk 1-2 0x81 --length 400G --detach -o ${fifo}`,
  'usb bulk 1-2 0x81 --length 400G',
  'usb int 1-2 0x81 --length 512 --count 100000000',
  'usb iso 1-2 0x82 --alt 1 --count 100000000 -o -',
  'uio watch-irq uio0 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24',
  `vfio watch-irq ${EDU} --loopback`,
  '--trace usb bulk 1-2 0x81 --length 400G -o /dev/null',
].map((line) => line.split(' '));
WITHOUT_END.push(['do', EDU, 'repeat 100000000 {\nread bar0:0x0\n}']);

describe('a command whose output nobody reads ends at a signal, and puts back', () => {
  test.each(WITHOUT_END.map((words) => [words.join(' '), words]))('pipe: udrv %s', async (_, words) => {
    // Open at both ends, and never read.
    const pipe = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      fill(pipe);
      const child = start(words, pipe);
      const ended = endOf(child);
      await standsStill(child, ended, 1);
      child.kill('SIGTERM');
      expect(await ended).toBe(143);
    } finally {
      // What is in it must not be in the way of the next test.
      closeSync(pipe);
    }
  });

  test('socket', async () => {
    const child = start(['usb', 'bulk', '1-2', '0x81', '--length', '400G', '--detach', '-o', '-'], 'pipe');
    // Nobody listens for data, and nothing is read.
    const ended = endOf(child);
    await standsStill(child, ended, 20_000);
    child.kill('SIGQUIT');
    expect(await ended).toBe(131);
    child.stdout?.destroy();
    child.stderr?.destroy();
  });
});

/** Leaves a pipe room for a page. */
function fill(pipe: number): void {
  const page = Buffer.alloc(4096);
  for (let i = 0; i < 15; i++) writeSync(pipe, page);
}

function start(words: readonly string[], output: number | 'pipe'): ChildProcess {
  const stdio = ['ignore' as const, output, output];
  return spawn(process.execPath, [UDRV, '--sim', ...words], { cwd: ROOT, env: environment(), stdio });
}

function endOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}

/** The bit of SIGTERM in the signals that /proc tells. */
const SIGTERM = 1 << 14;

/** Waits until a process that serves signals has written something, and sleeps without writing more. */
async function standsStill({ pid }: ChildProcess, ended: Promise<unknown>, least: number): Promise<void> {
  const deadline = Date.now() + PATIENCE / 2;
  let before = -1;
  while (Date.now() < deadline) {
    const end = await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 500, null))]);
    if (end !== null) throw new Error(`ended by itself: ${end}`);
    const written = Number(/wchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, 'latin1'))?.[1]);
    // A process that waits for the processor writes nothing either.
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const sleeps = /^State:\tS/m.test(status);
    const caught = Number.parseInt(/^SigCgt:\t[0-9a-f]*([0-9a-f]{4})$/m.exec(status)?.[1] ?? '0', 16);
    if (sleeps && caught & SIGTERM && written >= least && written === before) return;
    before = written;
  }
}
