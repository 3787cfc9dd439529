// Maps of drivers that no simulated machine has, behind a node that maps as drivers/uio/uio.c does.
import { SysError } from '../../../src/errors';
import type { Mapping } from '../../../src/sys/sys';
import { UioDevice } from '../../../src/uio/device';
import { inspectUio } from '../../../src/uio/inspect';
import { TreeSys } from '../../support/tree-sys';

const PAGE = 4096;
const UIO0 = '/sys/class/uio/uio0';

/** A machine with one UIO device whose maps are physical memory. */
class PhysicalMaps extends TreeSys {
  override readonly pageSize = PAGE;
  /** Lengths that were asked for, in bytes. */
  readonly asked: number[] = [];
  /** Runs when the node is opened. */
  onOpen = () => {};

  override open(): number {
    this.onOpen();
    return 3;
  }

  override close(): void {}

  override mmap(_fd: number, length: number, _writable: boolean, at: number): Mapping {
    this.asked.push(length);
    const attribute = (name: string) => BigInt(this.readFile(`${UIO0}/maps/map${at / PAGE}/${name}`).toString());
    const size = Number(attribute('size'));
    const withinPage = Number(attribute('addr') % BigInt(PAGE));
    const failed = (code: string) => new SysError('mmap', code, '/dev/uio0');
    if (length > Math.ceil((withinPage + size) / PAGE) * PAGE) throw failed('EINVAL');
    if (withinPage !== 0) throw failed('ENODEV');
    if (length > size) throw failed('EINVAL');
    return {
      length,
      read: (offset) => offset,
      reader: (at) => () => at,
      write: () => {},
      writer: () => () => {},
      close: () => {},
    };
  }
}

function machine(address: string, size: string) {
  const sys = new PhysicalMaps({ '/dev/uio0': { node: 'rw' } });
  sys.add({ name: 'big\n', version: '1\n', event: '0\n' }, `${UIO0}/`);
  sys.add({ name: '\n', addr: `${address}\n`, size: `${size}\n`, offset: '0x0\n' }, `${UIO0}/maps/map0/`);
  const info = () => {
    const found = inspectUio(sys, 'uio0');
    if (found === null) throw new Error('uio0 is not there');
    return found;
  };
  return { sys, info, open: () => UioDevice.open(sys, info(), { write: true }) };
}

test('a map that is no whole number of pages: the whole ones are accessed, and the rest says why not', () => {
  const { open } = machine('0x43c00000', '0x1800');
  using device = open();
  const map = device.region('map0');
  expect(map.read(0xffc, 4)).toBe(0xffc);
  expect(() => map.read(0x1000, 4)).toThrow(
    expect.objectContaining({
      subject: 'uio0 map0',
      message: 'offset 0x1000 cannot be mapped: the region has 0x1800 bytes, and the kernel maps whole pages of 0x1000',
      exit: 9,
    }),
  );
  expect(() => map.write(0x1000, 4, 1)).toThrow(expect.objectContaining({ exit: 9 }));
  expect(() => map.writer(0x1000, 4)).toThrow(expect.objectContaining({ exit: 9 }));
});

test.each([
  ['0x43c00040', '0x40', 'ENODEV', 'its address, 0x43c00040, begins no page of 0x1000 bytes; size 0x40'],
  ['0x43c20ffc', '0x8', 'ENODEV', 'its address, 0x43c20ffc, begins no page of 0x1000 bytes; size 0x8'],
  ['0x43c10000', '0x80', 'EINVAL', 'it has 0x80 bytes, fewer than a page of 0x1000; address 0x43c10000'],
])('a map at %s of %s bytes: the cause, and never that it went away', (address, size, code, cause) => {
  const { open } = machine(address, size);
  using device = open();
  expect(() => device.region('map0').read(0, 4)).toThrow(
    expect.objectContaining({ code, exit: 9, message: `cannot be mapped: ${cause}` }),
  );
});

test('a device that did go away is exit 8', () => {
  const { sys, info } = machine('0x43c00040', '0x40');
  using device = UioDevice.open(sys, info(), { write: true });
  sys.access = () => null;
  expect(() => device.region('map0').read(0, 4)).toThrow(
    expect.objectContaining({ exit: 8, message: 'the device went away' }),
  );
});

describe.each(['0xffffffff', '0xffffffffffffffff'])('a dynamic region, %s while it is closed', (closed) => {
  test('has no address', () => {
    expect(machine(closed, '0x100000').info().uio.regions).toMatchObject([{ name: 'map0', address: null }]);
  });

  test('is mapped at the address that the open gives it', () => {
    const { sys, open } = machine(closed, '0x100000');
    sys.onOpen = () => sys.add({ [`${UIO0}/maps/map0/addr`]: '0x2fe00000\n' });
    using device = open();
    expect(device.regions).toMatchObject([{ address: '0x2fe00000' }]);
    expect(device.region('map0').read(0xffffc, 4)).toBe(0xffffc);
    expect(sys.asked).toEqual([0x100000]);
  });

  test('that the driver could not allocate', () => {
    using device = machine(closed, '0x100000').open();
    expect(() => device.region('map0').read(0, 4)).toThrow(
      expect.objectContaining({ exit: 9, message: 'cannot be mapped: the driver has no memory for it' }),
    );
  });
});
