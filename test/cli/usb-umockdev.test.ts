import { join } from 'node:path';
import { describeWith } from '../support/requires';
import { type Outcome, quoted, shell, UDRV } from './udrv';

const FIXTURES = join(__dirname, 'fixtures');

/** The command on a recorded device, whose ioctls umockdev answers: the real calls, through the C library. */
function replayed(args: string): Promise<Outcome> {
  const device = `--device ${quoted(join(FIXTURES, 'echo.umockdev'))}`;
  const ioctl = `--ioctl ${quoted(`/dev/bus/usb/001/002=${join(FIXTURES, 'echo.ioctl')}`)}`;
  return shell(`umockdev-run ${device} ${ioctl} -- ${quoted(process.execPath)} ${quoted(UDRV)} ${args}`);
}

describeWith('umockdev-run', 'a device that umockdev replays', () => {
  test('is listed', async () => {
    const { stdout, stderr, exit } = await replayed('--json usb list');
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const { devices } = JSON.parse(stdout);
    expect(devices).toHaveLength(1);
    expect(devices[0]).toMatchObject({
      address: '1-1',
      vendorId: '6666',
      deviceId: '0001',
      name: 'udrv Recorded Echo',
      node: '/dev/bus/usb/001/002',
      usb: { serial: 'REC1', speedMbps: 480, configuration: 1 },
    });
  });

  test('is shown', async () => {
    const { stdout, exit } = await replayed('usb show 1-1');
    expect(exit).toBe(0);
    expect(stdout).toMatch(/0x81/);
    expect(stdout).toMatch(/0x02/);
  });

  test('takes and gives what was recorded', async () => {
    expect(await replayed('--json usb bulk 1-1 0x02 --data 68656c6c6f')).toEqual({
      stdout: '{"status":"ok","requested":5,"actual":5}\n',
      stderr: '',
      exit: 0,
    });
    // umockdev knows neither capabilities nor DISCONNECT_CLAIM: as old kernels do not.
    expect(await replayed('usb bulk sn:REC1 0x81 --length 512 --detach')).toEqual({
      stdout: '0x0000  72 65 63 65 69 76 65 64 20 68 65 6c 6c           |received hell|\n',
      stderr: '',
      exit: 0,
    });
  });

  test('stalls as it did', async () => {
    const { stdout, exit } = await replayed('--json usb bulk 1-1 0x81 --length 64');
    expect({ exit, result: JSON.parse(stdout) }).toEqual({
      exit: 7,
      result: { status: 'stall', requested: 64, actual: 0, data: '' },
    });
  });
});
