import { SysError } from '../../../src/errors';
import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { UsbDevice } from '../../../src/usb/device/device';
import { claimFailed, noSuchEndpoint } from '../../../src/usb/errors';
import { inspectUsb } from '../../../src/usb/inspect/inspect';
import { TreeSys } from '../../support/tree-sys';

const DIR = '/sys/bus/usb/devices';

/** A device that is not authorized: the kernel leaves it without a configuration. */
function unauthorized(sys = new TreeSys()) {
  sys.add({ busnum: '1\n', devnum: '2\n', bConfigurationValue: '\n', authorized: '0\n' }, `${DIR}/1-2/`);
  const info = inspectUsb(sys, new NameDatabase(sys), '1-2');
  if (info === null) throw new Error('1-2 is not there');
  return info;
}

afterEach(() => {
  jest.restoreAllMocks();
});

test.each([
  [0, `echo 1 | tee ${DIR}/1-2/authorized`],
  [1000, `echo 1 | sudo tee ${DIR}/1-2/authorized`],
])('the hint for a device that is not authorized, to user %i', (uid, hint) => {
  jest.spyOn(process, 'geteuid').mockReturnValue(uid);
  expect(noSuchEndpoint(unauthorized(), 0x81, undefined)).toMatchObject({
    exit: 3,
    message: expect.stringMatching(/^the device is not authorized/),
    hint,
  });
});

test('a configuration is refused to it, which the kernel would silently not select', () => {
  const { sys } = simulatedMachine();
  using device = UsbDevice.open(sys, { ...unauthorized(), node: '/dev/bus/usb/001/003' });
  expect(() => device.setConfiguration(1)).toThrow(
    expect.objectContaining({ code: 'EPERM', exit: 4, hint: expect.stringContaining('/1-2/authorized') }),
  );
});

test('an interface that is not authorized is not taken for one that went away', () => {
  const sys = new TreeSys();
  const info = { ...unauthorized(sys) };
  info.usb = { ...info.usb, configuration: 1 };
  const error = new SysError('ioctl', 'ENODEV', '/dev/bus/usb/001/002');
  const failed = () => claimFailed(sys, 3, info, 0, error, { detach: false });
  expect(failed()).toMatchObject({ exit: 8, message: 'the device went away', subject: '1-2:1.0', device: '1-2' });
  sys.add({ authorized: '1\n' }, `${DIR}/1-2:1.0/`);
  expect(failed()).toMatchObject({ exit: 8 });
  sys.add({ authorized: '0\n' }, `${DIR}/1-2:1.0/`);
  expect(failed()).toMatchObject({
    exit: 4,
    message: 'the interface is not authorized',
    hint: expect.stringContaining(`${DIR}/1-2:1.0/authorized`),
  });
});
