import { command as pci } from '../../../src/cli/pci/watch';
import { Context } from '../../../src/cli/program/context';
import { command as uio } from '../../../src/cli/uio/watch';
import { command as vfio } from '../../../src/cli/vfio/watch';
import { UdrvError } from '../../../src/errors';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';

/** Watches registers while something is done to the machine behind its back, after the first reading. */
async function watched(
  { run }: typeof uio,
  words: [selector: string, region: string, more: string[]],
  act: (machine: SimulatedMachine) => void,
  options: object = {},
): Promise<{ changes: { offset: number; before: string; after: string }[]; error: UdrvError | null }> {
  const machine = simulatedMachine();
  let printed = '';
  const stream = {
    isTTY: false,
    write: (data: string | Buffer) => {
      printed += data.toString();
    },
  };
  const quiet = { isTTY: false, write() {} };
  const context = new Context(
    { color: 'never', json: true, timeout: 2000 },
    machine.sys,
    stream as never,
    quiet as never,
    {},
  );
  setTimeout(() => act(machine), 75);
  let error: UdrvError | null = null;
  try {
    await (run as (...given: unknown[]) => Promise<unknown>)(context, ...words, {
      interval: 50,
      count: 4,
      backend: 'auto',
      ...options,
    });
  } catch (thrown) {
    if (!(thrown instanceof UdrvError)) throw thrown;
    error = thrown;
  }
  const changes = printed
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
  return { changes, error };
}

const raise = ({ controls }: SimulatedMachine) => controls.raise('uio0', 5);

test('a register that changes is told once, with its values', async () => {
  const { changes, error } = await watched(uio, ['uio0', 'map0', ['0x0+0x28']], raise);
  expect(error).toBeNull();
  expect(changes).toEqual([
    {
      schema: 'udrv.change/1',
      time: expect.any(String),
      device: 'uio0',
      region: 'map0',
      offset: 0x24,
      width: 4,
      name: null,
      before: '0x00000000',
      after: '0x00000005',
      fields: [],
    },
  ]);
});

test('big-endian registers', async () => {
  const { changes } = await watched(uio, ['uio0', 'map0:0x24', []], raise, { swap: true });
  expect(changes).toMatchObject([{ before: '0x00000000', after: '0x05000000' }]);
});

test('beside a driver, through sysfs', async () => {
  const { changes } = await watched(pci, ['0000:00:04.0', 'bar0', ['0x20+8']], raise);
  expect(changes).toMatchObject([{ region: 'bar0', offset: 0x24, after: '0x00000005' }]);
});

describe('the end of the device ends it, before a read that would give all ones', () => {
  test.each([
    ['uio', uio, 'uio0', 'map0', 'the device went away'],
    ['pci', pci, '0000:00:04.0', 'bar0', 'the device went away'],
  ] as const)('%s', async (_, command, selector, region, message) => {
    const { changes, error } = await watched(command, [selector, region, ['0x0+0x28']], ({ controls }) =>
      controls.unplug('uio0'),
    );
    expect(changes).toEqual([]);
    expect(error).toMatchObject({ exit: 8, message });
  });

  test('vfio: the kernel requests it back', async () => {
    const { changes, error } = await watched(vfio, ['0000:00:03.0', 'bar0', ['0x0+0x28']], ({ controls }) =>
      controls.unplug('0000:00:03.0'),
    );
    expect(changes).toEqual([]);
    expect(error).toMatchObject({ exit: 8 });
  });
});

test.each([
  ['uio', uio, 'uio0', 'map0'],
  ['pci', pci, '0000:00:04.0', 'bar0'],
] as const)('%s: a device that falls asleep is no change', async (_, command, selector, region) => {
  const { changes, error } = await watched(command, [selector, region, ['0x0+0x28']], ({ controls }) =>
    controls.setPower('0000:00:04.0', 'D3hot'),
  );
  expect(changes).toEqual([]);
  expect(error).toMatchObject({ exit: 1, message: expect.stringContaining('D3hot') });
});

test('nothing changes within the time', async () => {
  const { error } = await watched(uio, ['uio0', 'map0:0', []], () => {}, { count: 1000 });
  expect(error).toMatchObject({ exit: 6, code: 'ETIMEDOUT', message: 'nothing changed within 2000 ms' });
});
