import fc from 'fast-check';
import { arrange, columnNames, selectFields } from '../../../src/cli/lists/choice';
import { deviceList } from '../../../src/cli/lists/devices';
import { parseFilter } from '../../../src/cli/lists/filter';
import { GROUP_LIST } from '../../../src/cli/lists/groups';
import { chosenFields } from '../../../src/cli/lists/print';
import { usbList } from '../../../src/cli/lists/usb-devices';
import type { Context } from '../../../src/cli/program/context';
import { listGroups } from '../../../src/devices/iommu-groups';
import { listDevices } from '../../../src/devices/list';
import { UdrvError } from '../../../src/errors';
import type { UsbDeviceInfo } from '../../../src/model/device';
import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { anyText } from '../../support/any-text';

const { sys } = simulatedMachine();
const names = new NameDatabase(sys);
const devices = listDevices(sys, names, { all: true });
const usb = devices.filter((device): device is UsbDeviceInfo => device.framework === 'usb');
const list = deviceList('list');
const context = { options: {} } as Context;

const addresses = (view: Parameters<typeof arrange>[3]) =>
  arrange(context, list, devices, view).map(({ address }) => address);
const failure = (run: () => unknown): UdrvError => {
  try {
    run();
  } catch (error) {
    if (error instanceof UdrvError) return error;
    throw error;
  }
  throw new Error('did not fail');
};

describe('--filter', () => {
  test.each([
    ['framework=uio', ['uio0', 'uio1', 'uio2', 'uio3']],
    ['TYPE=UIO && driver=aectc', ['uio3']],
    ['driver=vfio-pci', ['0000:00:03.0', '0000:02:01.0']],
    ['viable=no', ['0000:02:01.0']],
    ['vfio.viable', ['0000:00:03.0']],
    ['blockers=0000:02:02.0', ['0000:02:01.0']],
    ['speedMbps>480', ['usb2']],
    ['speedMbps<=12', ['1-3', '1-3.1']],
    ['usb.speedMbps = 0xc && !driver=usbhid', ['1-3']],
    ['name~keyboard', ['1-3.1']],
    ['name ~ "QEMU USB*"', ['1-3', '1-3.1', '1-4']],
    ['address~usb?', ['usb1', 'usb2', 'usb3']],
    ['framework=usb && !driver', ['1-2', '3-1']],
    ["framework=usb && driver=''", ['1-2', '3-1']],
    ['framework=usb && driver=-', ['1-2', '3-1']],
    ['(uio.version=devicetree || id=46f4:0001) && access!=none', ['uio1', '1-4']],
    ['framework=usb && serial !~ 0000 && bus==1', ['1-2', '1-4']],
    ["framework=uio && !(driver~'uio_*')", ['uio3']],
    ['framework=vfio || framework=uio && driver=aectc', ['uio3', '0000:00:03.0', '0000:02:01.0']],
    ['numaNode>0', []],
    ['node=/dev/uio0', ['uio0']],
    ['address=0000:00:03.0', ['0000:00:03.0']],
  ])('%s', (filter, expected) => expect(addresses({ filter })).toEqual(expected));

  test.each([
    ['', 'at its end: expected a column'],
    ['driver=', 'at its end: expected a value'],
    ['driver= && name', 'at character 9: expected a value'],
    ['driver=a name=b', 'at character 10: expected && or ||'],
    ['(driver', 'at its end: expected ) for the ( at 1'],
    ['driver)', 'at character 7: expected && or ||'],
    ['driver & name', 'at character 8: expected a column, an operator or a parenthesis'],
    ['driver="x', 'at character 8: expected a value'],
    ['=x', 'at character 1: expected a column'],
    ['speedMbps>fast', 'at character 11: > compares numbers, and fast is none'],
    ['nonsense=1', 'no column nonsense'],
    ['class=1', 'class may be pci.class or usb.class'],
    ['driver=a ||', 'at its end: expected a column'],
    ['!'.repeat(1000), 'at character 101: nested too deep'],
    ['('.repeat(1e6), 'at character 101: nested too deep'],
  ])('%.30s is refused', (filter, message) => {
    expect(failure(() => addresses({ filter }))).toMatchObject({ subject: '--filter', message, exit: 2 });
  });

  test('takes time by its length, whatever it is', () => {
    const long = 20_000;
    const column = { name: 'x', title: 'X', cell: () => 'a'.repeat(long) };
    const start = process.cpuUsage();
    for (const hostile of [
      `x~${'*a'.repeat(200)}b`,
      `x~${'a*'.repeat(200)}${'?'.repeat(100)}b`,
      `x${' '.repeat(long)}`,
      `x=1${' || x=1'.repeat(long)}`,
      `${' '.repeat(long)}&`,
    ])
      try {
        parseFilter(hostile, () => column)({});
      } catch (error) {
        expect(error).toBeInstanceOf(UdrvError);
      }
    expect(process.cpuUsage(start).user / 1000).toBeLessThan(20_000);
  });

  test('is understood, or refused with exit 2, whatever is typed', () => {
    const piece = fc.constantFrom(
      'driver',
      'bus',
      '=',
      '!=',
      '~',
      '<',
      '&&',
      '||',
      '!',
      '(',
      ')',
      ' ',
      '"a b"',
      "'",
      '3',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece).map((parts) => parts.join('')),
          anyText(),
        ),
        (filter) => {
          try {
            addresses({ filter });
          } catch (error) {
            expect(error).toMatchObject({ exit: 2, subject: '--filter' });
          }
        },
      ),
    );
  });
});

describe('--sort', () => {
  test.each([
    ['address', devices.map(({ address }) => address)],
    ['-address', devices.map(({ address }) => address).reverse()],
    ['address:desc', devices.map(({ address }) => address).reverse()],
    ['-address:desc', devices.map(({ address }) => address)],
    ['ADDRESS:asc', devices.map(({ address }) => address)],
  ])('%s is in the order of the kernel', (sort, expected) => {
    const shuffled = devices.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    expect(arrange(context, list, shuffled, { sort }).map(({ address }) => address)).toEqual(expected);
  });

  test('numbers by their size, rows without one last, equal ones as they were', () => {
    const by = (sort: string) =>
      arrange(context, list, devices, { sort }).map((device) => [device.address, speed(device)]);
    const speed = (device: (typeof devices)[number]) => (device.framework === 'usb' ? device.usb.speedMbps : null);
    expect(by('speedMbps').slice(0, 9)).toEqual([
      ['1-3', 12],
      ['1-3.1', 12],
      ['usb1', 480],
      ['1-2', 480],
      ['1-4', 480],
      ['usb3', 480],
      ['3-1', 480],
      ['usb2', 5000],
      ['uio0', null],
    ]);
    expect(by('-speedMbps').slice(0, 2)).toEqual([
      ['usb2', 5000],
      ['usb1', 480],
    ]);
    expect(by('-speedMbps').slice(8, 9)).toEqual([['uio0', null]]);
  });

  test('numbers in text by their size too', () => {
    const some = ['/dev/x10', '/dev/x9', '/dev/x'].map((node) => ({ ...devices[0], node }) as (typeof devices)[number]);
    expect(arrange(context, list, some, { sort: 'node' }).map(({ node }) => node)).toEqual([
      '/dev/x',
      '/dev/x9',
      '/dev/x10',
    ]);
  });

  test.each([
    ['nonsense', 'no column nonsense'],
    ['', "no column ''"],
    ['regions', 'regions may be uio.regions or pci.regions'],
  ])('%j is refused', (sort, message) => {
    expect(failure(() => addresses({ sort }))).toMatchObject({ subject: '--sort', message, exit: 2 });
  });
});

describe('--columns', () => {
  test('names those that there are, where one is not', () => {
    const { message, hint } = failure(() => addresses({ columns: 'address,nonsense' }));
    expect(message).toBe('no column nonsense');
    expect(hint).toMatch(/^the columns are /);
    expect(hint).toContain('framework, address, id, driver, node, access, name, vendorId, deviceId');
    expect(hint).toContain('usb.speedMbps');
  });

  test.each([
    ['adress', 'address'],
    ['Drvier', 'driver'],
    ['speedMpbs', 'speedMbps'],
    ['usb.seral', 'usb.serial'],
    ['tpye', 'type'],
    ['viabel', 'viable'],
  ])('%s is answered with %s', (columns, meant) => {
    for (const view of [{ columns }, { sort: columns }, { filter: `${columns}=1` }])
      expect(failure(() => addresses(view)).hint).toMatch(new RegExp(`^did you mean ${meant}\\? the columns are `));
  });

  /** Paths of the fields of objects; lists are fields themselves. */
  const paths = (value: object, before = ''): string[] =>
    Object.entries(value).flatMap(([key, inner]) =>
      inner !== null && typeof inner === 'object' && !Array.isArray(inner)
        ? paths(inner, `${before}${key}.`)
        : [`${before}${key}`],
    );

  test('every field of a device is one', () => {
    const fields = [...new Set(devices.flatMap((device) => paths(device)))].sort();
    expect(
      columnNames(list)
        .filter((name) => name !== 'id')
        .sort(),
    ).toEqual(fields);
  });

  test('every field of a group is one, and of its devices', () => {
    const { groups } = listGroups(sys, names);
    const fields = groups.flatMap((group) => [
      ...paths(group),
      ...group.devices.flatMap((device) => paths(device, 'devices.')),
    ]);
    const wanted = [...new Set(fields)].filter((field) => field !== 'devices').sort();
    expect(
      columnNames(GROUP_LIST)
        .filter((name) => name !== 'id')
        .sort(),
    ).toEqual(wanted);
  });

  test('select the fields of JSON', () => {
    expect(selectFields(list, devices.slice(-1), 'address,ID,usb.bus,speedMbps,group')).toEqual([
      { address: '3-1', vendorId: '0525', deviceId: 'a4a0', usb: { bus: 3, speedMbps: 480 } },
    ]);
    expect(selectFields(list, devices.slice(0, 1), 'uio.version,uio.regions')).toEqual([
      { uio: { version: expect.any(String), regions: [expect.objectContaining({ name: 'map0', size: 1048576 })] } },
    ]);
    const { groups } = listGroups(sys, names);
    expect(selectFields(GROUP_LIST, groups.slice(1, 2), 'group,device')).toEqual([
      { group: 1, devices: [{ address: '0000:00:03.0' }] },
    ]);
    // Nothing is left out without the option.
    expect(chosenFields(list, devices, {})).toBe(devices);
  });

  test('those that JSON has not are refused there', () => {
    expect(
      failure(() =>
        selectFields(
          usbList(() => []),
          usb,
          'nodes',
        ),
      ),
    ).toMatchObject({
      subject: '--columns',
      message: 'NODES is not in the JSON document',
    });
  });

  test('no name reaches what an object has from elsewhere', () => {
    for (const columns of ['constructor', '__proto__', 'usb.__proto__', 'toString'])
      expect(failure(() => addresses({ columns })).message).toBe(`no column ${columns}`);
  });
});
