import { Cleanup } from '../../../src/cleanup';
import { SysError, UdrvError } from '../../../src/errors';
import type { VfioDeviceInfo } from '../../../src/model/device';
import type { Attachment } from '../../../src/vfio/device/backend';
import { attachWithToken } from '../../../src/vfio/device/vf-token';
import { getDeviceFailed } from '../../../src/vfio/errors';
import { type Content, TreeSys } from '../../support/tree-sys';

const PF = '0000:03:00.0';
const VF = '0000:03:00.1';
const TOKEN = '11111111-2222-3333-4444-55555555555a';
const dir = (address: string) => `/sys/bus/pci/devices/${address}`;

/** @param driver of the physical function */
const machine = (driver: string): Record<string, Content> => ({
  [`${dir(PF)}/driver`]: { link: `x/${driver}` },
  [`${dir(PF)}/iommu_group`]: { link: 'x/12' },
  [`${dir(PF)}/sriov_totalvfs`]: '2\n',
  [`${dir(VF)}/physfn`]: { link: `../${PF}` },
});

const info = (address: string) => ({ address, driver: 'vfio-pci', vfio: { group: 1 } }) as unknown as VfioDeviceInfo;

/**
 * Opens on a kernel that validates tokens as vfio_pci_validate_vf_token() does.
 *
 * @param asks whether a virtual function needs its token
 */
function opened(address: string, wanted: string | undefined, { driver = 'vfio-pci', asks = true } = {}) {
  const sys = new TreeSys(machine(driver));
  const opens: [string, string | null][] = [];
  const closed: string[] = [];
  let current: string | null = null;
  const cleanup = new Cleanup();
  const attach = (_: unknown, device: VfioDeviceInfo, token: string | null): Attachment => {
    opens.push([device.address, token]);
    if (device.address === PF && token !== null) current = token;
    if (device.address === VF && asks && driver === 'vfio-pci' && (token === null || token !== current))
      throw getDeviceFailed(sys, device, new SysError('ioctl', 'EACCES', 'group'), token !== null);
    return { close: () => closed.push(device.address) } as unknown as Attachment;
  };
  try {
    const { token } = attachWithToken(sys, info(address), attach, wanted, cleanup);
    cleanup.close();
    return { opens, token, closed };
  } catch (error) {
    cleanup.close();
    if (!(error instanceof UdrvError)) throw error;
    return { opens, closed, message: error.message, exit: error.exit, hint: error.hint };
  }
}

test('without a token none is given', () => {
  expect(opened(PF, undefined)).toMatchObject({ opens: [[PF, null]], token: null });
});

test('a virtual function that needs one: the error names it and the option', () => {
  expect(opened(VF, undefined)).toMatchObject({
    exit: 4,
    message: `opening it takes a VF token, because VFIO has its physical function, ${PF}`,
    hint: expect.stringMatching(/--vf-token UUID .*--vf-token auto/),
  });
});

test('the token of a physical function is the one that is given, in lower case', () => {
  expect(opened(PF, TOKEN.toUpperCase())).toMatchObject({ opens: [[PF, TOKEN]], token: TOKEN });
});

test('a wrong token, which the error does not repeat', () => {
  const { message = '', exit } = opened(VF, TOKEN);
  expect(exit).toBe(4);
  expect(message).toBe(`this VF token is not the one of its physical function, ${PF}`);
});

test('auto makes one for a physical function', () => {
  const { token } = opened(PF, 'auto');
  expect(token).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(opened(PF, 'auto').token).not.toBe(token);
});

test('auto opens the physical function of a virtual one too, and closes it after that', () => {
  const { opens, token, closed } = opened(VF, 'auto');
  expect(opens).toEqual([
    [VF, null],
    [PF, token],
    [VF, token],
  ]);
  expect(closed).toEqual([VF, PF]);
});

test('auto where the kernel asks for none', () => {
  expect(opened(VF, 'auto', { asks: false })).toMatchObject({ opens: [[VF, null]], token: null });
  expect(opened(VF, 'auto', { driver: 'ice' })).toMatchObject({ opens: [[VF, null]], token: null });
  expect(opened('0000:00:03.0', 'auto')).toMatchObject({ opens: [['0000:00:03.0', null]], token: null });
});

test.each([
  [VF, { driver: 'ice' }, `its physical function, ${PF}, is not bound to a VFIO driver (driver: ice)`],
  ['0000:00:03.0', {}, 'it has no virtual functions, and is none'],
])('a token for %s with %j is refused before the device is opened', (address, options, reason) => {
  expect(opened(address, TOKEN, options)).toMatchObject({
    opens: [],
    exit: 9,
    message: `takes no VF token: ${reason}`,
  });
});

test.each(['', 'x', TOKEN.slice(1), `${TOKEN}0`, `${TOKEN} vf_token=${TOKEN}`, 'AUTO'])('%j is no token', (token) => {
  expect(opened(PF, token)).toMatchObject({ opens: [], exit: 2 });
});
