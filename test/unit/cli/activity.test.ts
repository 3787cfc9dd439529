import { byActivity, frameJson, frameTable } from '../../../src/cli/activity/frame';
import { makeStyle } from '../../../src/cli/output/style';
import type { Activity } from '../../../src/devices/activity';
import type { DeviceInfo } from '../../../src/model/device';

const NOTHING = { interruptsPerSecond: null, eventsPerSecond: null, urbsPerSecond: null, bytesPerSecond: null };

function activity(address: string, rates: Partial<Activity>, name = 'name'): Activity {
  return { device: { framework: 'usb', address, name } as DeviceInfo, ...NOTHING, ...rates };
}

const TABLE = [
  activity('1-1', {}),
  activity('1-2', { urbsPerSecond: 0, bytesPerSecond: 9999 }),
  activity('1-3', { urbsPerSecond: 12.34, bytesPerSecond: 65_536 }),
  activity('1-4', { urbsPerSecond: 1234.5, bytesPerSecond: 2 ** 30 }, 'evil\x1b[2Jname'),
];

test('the most active first, by the highest of its rates; the others in their order', () => {
  const devices = [
    activity('none', {}),
    activity('idle', { interruptsPerSecond: 0 }),
    activity('some', { interruptsPerSecond: 5, eventsPerSecond: 1 }),
    activity('idle too', { urbsPerSecond: 0 }),
    activity('most', { eventsPerSecond: 7 }),
    activity('none too', {}),
  ];
  expect(byActivity(devices).map(({ device }) => device.address)).toEqual([
    'most',
    'some',
    'idle',
    'idle too',
    'none',
    'none too',
  ]);
});

test('a table, in which a device does not drive the terminal', () => {
  expect(frameTable(TABLE, makeStyle(false)).split('\n')).toEqual([
    'TYPE  ADDRESS      IRQ/s   EVENTS/s      URB/s    BYTES/s  NAME',
    'usb   1-1              -          -          -          -  name',
    'usb   1-2              -          -          0       9999  name',
    'usb   1-3              -          -       12.3        64K  name',
    'usb   1-4              -          -       1235      1024M  evil\\x1b[2Jname',
    '',
  ]);
});

test('a line of JSON', () => {
  const time = new Date(0);
  expect(JSON.parse(frameJson(TABLE.slice(2, 3), 1.00049, time))).toEqual({
    schema: 'udrv.top/1',
    time: '1970-01-01T00:00:00.000Z',
    seconds: 1,
    devices: [
      { address: '1-3', framework: 'usb', name: 'name', ...NOTHING, urbsPerSecond: 12.3, bytesPerSecond: 65_536 },
    ],
  });
  expect(frameJson(TABLE, 1, time).trimEnd()).not.toContain('\n');
});
