// Machines of the field: trees as people copied them, with invented addresses.
import { join } from 'node:path';
import { type Entry, plant, scratch } from './tree';
import { cliFails, cliPasses, text, udrv } from './udrv';

const dir = scratch();

/** A UIO device of a platform device, whose maps begin at the device's address. */
function uioDevice(uio: string, parent: string, name: string, maps: Record<string, string>[]): Record<string, Entry> {
  const path = `sys/devices/platform/${parent}`;
  const facts: Record<string, string> = { name, version: 'devicetree', event: '0' };
  const entries: Record<string, Entry> = {
    [`dev/${uio}`]: '',
    [`sys/class/uio/${uio}`]: { link: `../../devices/platform/${parent}/uio/${uio}` },
    [`${path}/uio/${uio}/device`]: { link: `../../../${parent}` },
    [`${path}/subsystem`]: { link: '../../../bus/platform' },
    [`${path}/driver`]: { link: '../../../bus/platform/drivers/uio_pdrv_genirq' },
  };
  for (const [file, value] of Object.entries(facts)) entries[`${path}/uio/${uio}/${file}`] = `${value}\n`;
  for (const [index, map] of maps.entries())
    for (const [file, value] of Object.entries(map))
      entries[`${path}/uio/${uio}/maps/map${index}/${file}`] = `${value}\n`;
  return entries;
}

const page = (name: string, addr: string, offset = '0x0') => ({ name, addr, size: '0x1000', offset });

const cells = (...values: number[]) => Buffer.concat(values.map((value) => Buffer.from([0, 0, value >> 8, value])));

const machine = plant(join(dir, 'machine'), {
  ...uioDevice('uio0', 'a0010000.dma', 'dma', [page('regset', '0xa0010000', '0x30'), page('recv:14748', '0xa0020000')]),
  ...uioDevice('uio1', '41200000.gpio', 'gpio', [page('41200000.gpio', '0x41200000')]),
  ...uioDevice('uio2', '41210000.gpio', 'gpio', [page('', '0x41210000')]),
  'sys/devices/platform/a0010000.dma/uio/uio0/event': '42\n',
  'dev/uio/dma0': { link: '../uio0' },
  'dev/mydma': { link: 'uio/dma0' },
  'dev/other': { link: 'null' },
  'sys/devices/platform/41210000.gpio/of_node': { link: '../../../firmware/devicetree/base/bus/gpio@41210000' },
  'sys/firmware/devicetree/base/bus/#address-cells': cells(2),
  'sys/firmware/devicetree/base/bus/#size-cells': cells(1),
  'sys/firmware/devicetree/base/bus/gpio@41210000/reg': Buffer.from('0000000041210000000000a0', 'hex'),
});
const at = (command: string) => `--sysroot ${machine} ${command}`;

const DMA = text`
  uio0  dma
    driver     uio_pdrv_genirq
    node       /dev/uio0 (you may read and write)
    links      /dev/mydma, /dev/uio/dma0
    version    devicetree
    interrupt  yes, 42 so far
    parent     a0010000.dma (platform)

  REGION  KIND  ADDRESS     SIZE  OFFSET  ACCESS   NAME
  map0    mmio  0xa0010000  4K    0x30    rw mmap  regset
  map1    mmio  0xa0020000  4K    0x0     rw mmap  recv:14748
`;

describe('a device is named by its parent, its links and its base address', () => {
  const names = ['uio0', 'dma', 'a0010000.dma', '/dev/uio/dma0', '/dev/mydma', '0xa0010030', '0xA0010000'];
  cliPasses(names.map((name) => [at(`show ${name}`), DMA] as const));
  cliFails(3, [
    [
      at('show gpio'),
      'gpio: matches 2 devices: uio1 (41200000.gpio, 0x41200000), uio2 (41210000.gpio, 0x41210000)',
      'name one by its address',
    ],
    [at('show /dev/other'), /no such device/, `udrv --sysroot ${machine} list --all shows what there is`],
  ]);
});

test.concurrent('all of it is in the JSON', async () => {
  const { devices } = JSON.parse((await udrv(at('--json uio list'))).stdout);
  expect(devices).toMatchObject([
    {
      uio: {
        irq: true,
        parent: null,
        parentBus: 'platform',
        parentDevice: 'a0010000.dma',
        links: ['/dev/mydma', '/dev/uio/dma0'],
        regions: [{ name: 'map0', label: 'regset' }, { label: 'recv:14748' }],
      },
    },
    { uio: { irq: null, links: [] } },
    // The device tree's size of the registers, beside what is mapped.
    { uio: { regions: [{ size: 0x1000, registers: 0xa0 }] } },
  ]);
  // A name that only repeats the parent's is left out, and so is an empty one.
  for (const { uio } of devices.slice(1)) expect(uio.regions[0]).not.toHaveProperty('label');
});

test.concurrent('the PCI name that the text shows is in the JSON', async () => {
  expect(JSON.parse((await udrv('--sim --json show uio2')).stdout)).toMatchObject({
    uio: { pciName: 'Red Hat, Inc. QEMU PCI Test Device' },
  });
});

describe('a place is REGION OFFSET or REGION:OFFSET', () => {
  cliPasses([
    ['--sim uio read uio1 map0:0', '0x54494d01\n'],
    ['--sim uio read uio1 registers 0', '0x54494d01\n'],
    ['--sim uio read uio1 registers:0 --json', '{"region":"map0","offset":0,"width":4,"value":"0x54494d01"}\n'],
    ['--sim -n uio write uio1 buffer:0x10 5', 'uio1 map1:0x10/4=0x00000005\n'],
    ['--sim uio dump uio1 map0:0+8', '0x0000  0x54494d01 0x00000003\n'],
    ['--sim -n uio watch-irq uio1 --ack buffer:0x10=registers:0', 'buffer:0x10=registers:0\nre-arm uio1: auto\n'],
    ['--sim vfio read 0000:00:03.0 bar0:0x0', '0x010000ed\n'],
    [
      '--sim -n vfio write 0000:00:03.0 bar0:0x4 1',
      'open 0000:00:03.0: the kernel resets the device, if it can, and switches its bus mastering off\n0000:00:03.0 bar0:0x4/4=0x00000001\n',
    ],
    ['--sim vfio dump 0000:00:03.0 bar0:0x0', '0x0000  0x010000ed\n'],
  ]);
  cliFails(2, [
    [
      '--sim uio read uio1 map0',
      'uio1 map0: no offset: write REGION OFFSET or REGION:OFFSET',
      'map0:0x0 is its first register; other regions are map1',
    ],
    [
      '--sim uio write uio1 map0 5',
      "usage: missing required argument 'value'",
      'usage: udrv uio write [options] <uio> <region> <offset> [value]',
    ],
    ['--sim uio read uio1 map0:x', 'x: is not an offset: decimal or 0x hex, with K, M or G'],
  ]);
  cliFails(3, [
    [
      '--sim uio read uio1 map7:0x10',
      'uio1 map7: no such region',
      'did you mean one of map0, map1? it has map0 (registers), map1 (buffer)',
    ],
    ['--sim uio read uio1 0x10', 'uio1 0x10: no such region', 'it has map0 (registers), map1 (buffer)'],
  ]);
});

describe('platform devices that are meant for UIO, and have no driver', () => {
  const platform = 'sys/bus/platform/devices';
  const tree = plant(join(dir, 'driverless'), {
    'sys/class/uio': 'a directory',
    [`${platform}/a0000000.gpio/of_node/compatible`]: 'xlnx,gpio\0generic-uio\0',
    [`${platform}/a0010000.dma/driver_override`]: 'uio_pdrv_genirq\n',
    [`${platform}/a0020000.eth/of_node/compatible`]: 'xlnx,eth\0',
    [`${platform}/a0030000.uart/of_node/compatible`]: 'generic-uio\0',
    [`${platform}/a0030000.uart/driver`]: { link: '../../drivers/other' },
  });
  const advice = 'booting with uio_pdrv_genirq.of_id=generic-uio gives it all';
  const remarks = `udrv: meant for UIO, but without a driver: a0000000.gpio, a0010000.dma\nudrv: ${advice}\n`;

  test.concurrent.each([
    [
      'uio list',
      'udrv: no UIO device; its driver makes one, as uio_pdrv_genirq does for platform devices; udrv --sim uio list to try without\n',
    ],
    [
      'list',
      `udrv: no device that user space can drive; udrv --sysroot ${tree} list --all shows the PCI functions that the kernel drives; udrv --sim list to try without\n`,
    ],
  ])('%s names them and says how they get one', async (command, nothing) => {
    expect(await udrv(`--sysroot ${tree} ${command}`)).toEqual({ stdout: '', stderr: nothing + remarks, exit: 0 });
  });

  test.concurrent('as JSON the list is only empty', async () => {
    const { stdout, stderr, exit } = await udrv(`--sysroot ${tree} --json uio list`);
    expect({ document: JSON.parse(stdout), stderr, exit }).toEqual({
      document: { schema: 'udrv.list/1', devices: [] },
      stderr: '',
      exit: 0,
    });
  });

  cliFails(9, [
    [
      `--sysroot ${tree} -n bind a0010000.dma uio-pdrv-genirq`,
      'uio-pdrv-genirq: no driver of the bus platform of this name is loaded',
      'perhaps uio_pdrv_genirq is meant',
    ],
    [
      `--sysroot ${tree} -n bind a0000000.gpio uio_pdrv_genirq`,
      'a0000000.gpio: the bus platform does not let a driver be chosen: it has no driver_override (ENOTSUP)',
      undefined,
    ],
  ]);
});
