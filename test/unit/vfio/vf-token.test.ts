import { Cleanup } from '../../../src/cleanup';
import { SysError, UdrvError } from '../../../src/errors';
import type { VfioDeviceInfo } from '../../../src/model/device';
import type { Memory } from '../../../src/sys/sys';
import { VFIO_DEVICE_BIND_IOMMUFD, VFIO_DEVICE_FEATURE } from '../../../src/uapi/vfio';
import type { Attachment } from '../../../src/vfio/device/backend';
import { attachByIommufd } from '../../../src/vfio/device/iommufd';
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

describe('the cdev', () => {
  const UUID = Buffer.from(TOKEN.replaceAll('-', ''), 'hex');

  /** A kernel that takes the token in the call, as Linux does since 6.17, or knows no flag of it. */
  class Kernel extends TreeSys {
    readonly binds: { size: number; flags: number; token: string | null }[] = [];
    readonly features: string[] = [];
    readonly #takesToken: boolean;
    readonly #memory = new Map<bigint, Buffer>();

    constructor(takesToken: boolean) {
      super({ '/dev/iommu': { node: 'rw' }, '/dev/vfio/devices/vfio3': { node: 'rw' } });
      this.#takesToken = takesToken;
    }

    override open(): number {
      return 3;
    }

    override close(): void {}

    override allocate(length: number): Memory {
      const [address, bytes] = [BigInt(0x1000 * (this.#memory.size + 1)), Buffer.alloc(length)];
      this.#memory.set(address, bytes);
      return { address, bytes, close: () => this.#memory.delete(address) };
    }

    override ioctl(_: number, request: number, argument: Buffer | number): number {
      if (request === VFIO_DEVICE_BIND_IOMMUFD && typeof argument !== 'number') {
        const [size, flags] = [argument.readUInt32LE(0), argument.readUInt32LE(4)];
        const token = size >= 24 ? (this.#memory.get(argument.readBigUInt64LE(16))?.toString('hex') ?? null) : null;
        this.binds.push({ size, flags, token });
        if (flags !== 0 && !this.#takesToken) throw new SysError('ioctl', 'EINVAL', 'vfio-device');
      }
      if (request === VFIO_DEVICE_FEATURE && typeof argument !== 'number') this.features.push(argument.toString('hex'));
      return 0;
    }
  }

  const device = { address: PF, driver: 'vfio-pci', vfio: { group: 12, cdev: 'vfio3' } } as unknown as VfioDeviceInfo;
  const token = UUID.toString('hex');

  test('takes the token in the call that binds it', () => {
    const sys = new Kernel(true);
    attachByIommufd(sys, device, TOKEN).close();
    expect(sys.binds).toEqual([{ size: 24, flags: 1, token }]);
    expect(sys.features).toEqual([]);
  });

  test('before Linux 6.17 has it set once it is open', () => {
    const sys = new Kernel(false);
    attachByIommufd(sys, device, TOKEN).close();
    expect(sys.binds).toEqual([
      { size: 24, flags: 1, token },
      { size: 16, flags: 0, token: null },
    ]);
    // argsz 24, VFIO_DEVICE_FEATURE_SET of feature 0, the UUID.
    expect(sys.features).toEqual([`1800000000000200${token}`]);
  });

  test('without a token binds as ever', () => {
    const sys = new Kernel(true);
    attachByIommufd(sys, device, null).close();
    expect(sys.binds).toEqual([{ size: 16, flags: 0, token: null }]);
  });
});
