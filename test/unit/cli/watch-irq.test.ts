import { Context } from '../../../src/cli/program/context';
import { command } from '../../../src/cli/uio/watch-irq';
import { simulatedMachine } from '../../../src/sim';
import { UioDevice } from '../../../src/uio/device';
import { inspectUio } from '../../../src/uio/inspect';

const CONTROL = 0x4;
const IRQ_ENABLE = 0x2;
const LEVEL = 0x4;
const STATUS = 0xc;
const TRIGGER = 0x14;

/** Watches the timer, whose line is asserted already, until it is quiet or three interrupts have come at once. */
async function watched(options: { ack?: string[]; trigger?: string[] }): Promise<string> {
  const { sys } = simulatedMachine();
  const info = inspectUio(sys, 'uio1');
  if (info === null) throw new Error('uio1 is not there');
  {
    using device = UioDevice.open(sys, info, { write: true });
    const map = device.region('map0');
    map.write(STATUS, 4, 1);
    map.write(CONTROL, 4, IRQ_ENABLE | LEVEL);
    map.write(TRIGGER, 4, 1);
  }
  let told = '';
  const stream = (write: (text: string) => void) => ({
    isTTY: false,
    write: (data: string | Buffer) => write(data.toString()),
  });
  const context = new Context(
    { color: 'never', timeout: 50 },
    sys,
    stream(() => {}) as never,
    stream((text) => {
      told += text;
    }) as never,
    {},
  );
  const run = command.run as (...given: unknown[]) => Promise<unknown>;
  await run(context, 'uio1', { rearm: 'auto', count: 200, ...options }).catch(() => {});
  return told;
}

test('a level line that nothing acknowledges: it says so', async () => {
  expect(await watched({})).toContain(
    'udrv: uio1: each interrupt comes as soon as the last was served: nothing acknowledges the device; give --ack\n',
  );
});

test.each([
  ['an acknowledge', { ack: ['map0:0xc=1'] }],
  ['a trigger, which may be what raises them', { trigger: ['map0:0x14=1'] }],
])('not with %s', async (_, options) => {
  expect(await watched(options)).toBe('');
});
