import { OutputStream, takeWrites } from '../../../src/cli/output/stream';
import { buildProgram } from '../../../src/cli/parser/program';
import type { VerbSpec } from '../../../src/cli/program/command';
import { Context, type GlobalOptions } from '../../../src/cli/program/context';
import { interruptible, SIGNALS } from '../../../src/cli/program/signals';
import { simulatedMachine } from '../../../src/sim';
import type { Sys } from '../../../src/sys/sys';

Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });

const listening = () => SIGNALS.every((name) => process.listenerCount(name) > 0);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a signal', () => {
  const kill = jest.spyOn(process, 'kill').mockImplementation(() => true);
  // After a signal the process ends, and the handlers with it.
  afterEach(() => {
    for (const name of SIGNALS) process.removeAllListeners(name);
    takeWrites(undefined);
  });

  beforeEach(() => kill.mockClear());
  afterAll(() => kill.mockRestore());

  test('aborts the work, and is the exit code once it has ended', async () => {
    expect(await interruptible(() => {})).toBeUndefined();
    expect(listening()).toBe(false);
    const done = interruptible(async (signal) => {
      process.emit('SIGTERM');
      expect(signal.aborted).toBe(true);
    });
    expect(await done).toBe(143);
    expect(listening()).toBe(true);
  });

  test('does not cut off the put-back where it comes twice, and says so', async () => {
    const said: string[] = [];
    OutputStream.ofErrors = { write: (text: string) => said.push(text) } as unknown as OutputStream;
    let isBack = false;
    const code = await interruptible(async () => {
      process.emit('SIGINT');
      await turn();
      process.emit('SIGTERM');
      await turn();
      isBack = true;
    });
    expect({ code, isBack, kills: kill.mock.calls }).toEqual({ code: 130, isBack: true, kills: [] });
    expect(said).toEqual(['udrv: putting back what was changed; one more signal ends it without\n']);
  });

  test('kills where it comes a third time', async () => {
    await interruptible(async () => {
      for (const name of ['SIGINT', 'SIGQUIT', 'SIGTERM'] as const) {
        process.emit(name);
        await turn();
      }
      expect(listening()).toBe(false);
    });
    expect(kill.mock.calls).toEqual([[process.pid, 'SIGTERM']]);
  });

  test('is one with those that come before the work could see it', async () => {
    const code = await interruptible(async () => {
      for (const name of ['SIGALRM', 'SIGINT', 'SIGTERM'] as const) process.emit(name);
    });
    expect({ code, kills: kill.mock.calls }).toEqual({ code: 142, kills: [] });
  });

  test('that comes while the work does not wait is served too', async () => {
    // In the event loop, as real ones.
    expect(await interruptible(() => void setTimeout(() => process.emit('SIGHUP'), 0))).toBe(129);
  });
});

const EDU = '0000:00:03.0';
const TRIGGER = (region: string) => `--trigger ${region}:0x60=1 --ack ${region}:0x64=${region}:0x24`;

test.each([
  'uio dump uio0 map0 0+16',
  'uio read uio0 map0 0',
  'uio write uio0 map0 4 1',
  `uio watch-irq uio0 --count 1 ${TRIGGER('map0')}`,
  'uio irq uio0 enable',
  `uio bench uio0 -c 1 ${TRIGGER('map0')}`,
  `vfio dump ${EDU} bar0 0+16`,
  `vfio read ${EDU} bar0 0`,
  `vfio write ${EDU} bar0 4 1`,
  `vfio info ${EDU}`,
  `vfio config ${EDU} --open`,
  `vfio watch-irq ${EDU} --count 1 --loopback`,
  `vfio dma-test ${EDU} --tier generic`,
  `vfio bench ${EDU} -c 1 --sizes 4K`,
  `vfio bench ${EDU} -c 1 ${TRIGGER('bar0')}`,
  'usb show 1-2 --open',
  'usb bulk 1-2 0x81 --length 512',
])('no signal cuts in between open and close: udrv %s', async (line) => {
  const calls: { call: string; safe: boolean }[] = [];
  const { sys } = simulatedMachine();
  const watched = new Proxy<Sys>(sys, {
    get(target, name: keyof Sys) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      return (...given: unknown[]) => {
        if (name === 'open' || name === 'close') calls.push({ call: name, safe: listening() });
        return (value as (...given: unknown[]) => unknown).apply(target, given);
      };
    },
  });
  await run(line, watched);
  expect(calls.map(({ call }) => call)).toEqual(expect.arrayContaining(['open', 'close']));
  expect(calls.filter(({ safe }) => !safe)).toEqual([]);
});

/** Runs a command line on a machine. */
async function run(line: string, sys: Sys): Promise<void> {
  const nowhere = { isTTY: false, write() {} } as unknown as OutputStream;
  const { program } = buildProgram(nowhere, nowhere, {});
  const words = line.split(' ');
  const spec: VerbSpec = require(`../../../src/cli/${words[0]}/${words[1]}`).command;
  const command = program.commands
    .find((noun) => noun.name() === words[0])
    ?.commands.find((c) => c.name() === words[1]);
  command?.action(async (...given: unknown[]) => {
    const context = new Context(command.optsWithGlobals<GlobalOptions>(), sys, nowhere, nowhere, {});
    await spec.run(context, ...(given.slice(0, -1) as never[]));
  });
  await program.parseAsync(words, { from: 'user' });
}
