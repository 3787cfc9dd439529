// The content of fixtures/sim.snapshot: a machine that hangs together, byte-exact where a program takes it apart.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { simulatedMachine } from '../../../src/sim';
import { type ManifestEntry, parseManifest } from '../../../src/sys/tree/manifest';
import { loadSnapshot } from '../../../src/sys/tree/snapshot';

const FILE = path.join(__dirname, '../../../fixtures/sim.snapshot');
const entries = parseManifest(fs.readFileSync(FILE), FILE);
const base = loadSnapshot(FILE);
const { sys } = simulatedMachine();

const text = (file: string) => base.readFile(file).toString().trim();
const isLink = (entry: ManifestEntry) => entry.kind === 'link';

test('no link leads nowhere', () => {
  expect(entries.filter(isLink).filter((entry) => base.access(entry.path) === null)).toEqual([]);
});

/** The timer runs from boot: by the time this is read it may have fired. */
const COUNTS = '/sys/devices/platform/fed60100.timer/uio/uio1/event';

test('the live machine starts as its base says', () => {
  for (const entry of entries.filter(({ path }) => path !== COUNTS)) {
    switch (entry.kind) {
      case 'file':
        expect([entry.path, sys.readFile(entry.path).toString('latin1')]).toEqual([
          entry.path,
          entry.content.toString('latin1'),
        ]);
        break;
      case 'link':
        expect([entry.path, sys.readLink(entry.path)]).toEqual([entry.path, entry.target]);
        break;
      case 'node':
        expect([entry.path, sys.access(entry.path)]).toEqual([entry.path, entry.access]);
        break;
      case 'error':
        expect([entry.path, codeOf(() => sys.readFile(entry.path))]).toEqual([entry.path, entry.code]);
    }
  }
});

test('and has nothing that its base has not', () => {
  const leaves = (directory: string): string[] =>
    sys.readDir(directory).flatMap((name) => {
      const file = `${directory}/${name}`;
      const isLeaf = codeOf(() => sys.readLink(file)) === null || codeOf(() => sys.readDir(file)) !== null;
      return isLeaf ? [file] : leaves(file);
    });
  const known = new Set(entries.map((entry) => entry.path));
  expect(leaves('/sys').filter((file) => !known.has(file))).toEqual([]);
});

test.each(base.readDir('/sys/bus/pci/devices'))('PCI function %s', (address) => {
  const directory = `/sys/bus/pci/devices/${address}`;
  const config = base.readFile(`${directory}/config`);
  const number = (attribute: string) => Number(text(`${directory}/${attribute}`));
  expect([256, 4096]).toContain(config.length);
  expect(config.readUInt16LE(0)).toBe(number('vendor'));
  expect(config.readUInt16LE(2)).toBe(number('device'));
  expect(config.readUInt32LE(8) >>> 8).toBe(number('class'));
  const [bar0 = '0x0'] = text(`${directory}/resource`).split(' ');
  if ((config[0x0e] ?? 0) === 0 && Number(bar0) !== 0)
    expect(config.readUInt32LE(0x10) & ~(config.readUInt32LE(0x10) & 1 ? 0x3 : 0xf)).toBe(Number(bar0) | 0);
  const group = base.readLink(`${directory}/iommu_group`).split('/').at(-1);
  expect(base.readDir(`/sys/kernel/iommu_groups/${group}/devices`)).toContain(address);
});

test('one group is not viable: a kernel driver has a sibling of what vfio-pci has', () => {
  const devices = base.readDir('/sys/kernel/iommu_groups/7/devices').sort();
  expect(devices).toEqual(['0000:00:09.0', '0000:02:01.0', '0000:02:02.0']);
  const driver = (address: string) => base.readLink(`/sys/bus/pci/devices/${address}/driver`).split('/').at(-1);
  expect([driver('0000:02:01.0'), driver('0000:02:02.0')]).toEqual(['vfio-pci', 'virtio-pci']);
});

describe.each(['usb1', 'usb2', 'usb3', '1-4', '1-2', '1-3', '1-3.1', '3-1'])('USB device %s', (address) => {
  const directory = `/sys/bus/usb/devices/${address}`;
  const descriptors = base.readFile(`${directory}/descriptors`);

  test('its descriptors are as long as they say, one after the other', () => {
    expect([...descriptors.subarray(0, 2)]).toEqual([18, 1]);
    let at = 18;
    let configurations = 0;
    while (at < descriptors.length) {
      const end = at + descriptors.readUInt16LE(at + 2);
      expect(descriptors[at + 1]).toBe(2);
      configurations++;
      const interfaces = new Set<number>();
      let endpoints = 0;
      for (let inner = at; inner < end; inner += descriptors[inner] ?? 0) {
        expect(descriptors[inner]).toBeGreaterThanOrEqual(2);
        if (descriptors[inner + 1] === 4) {
          expect(endpoints).toBe(0);
          interfaces.add(descriptors[inner + 2] ?? -1);
          endpoints = descriptors[inner + 4] ?? 0;
        }
        if (descriptors[inner + 1] === 5) endpoints--;
      }
      expect(endpoints).toBe(0);
      expect(interfaces.size).toBe(descriptors[at + 4]);
      at = end;
    }
    expect(at).toBe(descriptors.length);
    expect(configurations).toBe(descriptors[17]);
    expect(configurations).toBe(Number(text(`${directory}/bNumConfigurations`)));
  });

  test('its attributes say the same', () => {
    const hex = (attribute: string) => Number.parseInt(text(`${directory}/${attribute}`), 16);
    expect(descriptors.readUInt16LE(8)).toBe(hex('idVendor'));
    expect(descriptors.readUInt16LE(10)).toBe(hex('idProduct'));
    expect(descriptors.readUInt16LE(12)).toBe(hex('bcdDevice'));
    expect(descriptors[4]).toBe(hex('bDeviceClass'));
    const three = (attribute: string) => text(`${directory}/${attribute}`).padStart(3, '0');
    expect(base.access(`/dev/bus/usb/${three('busnum')}/${three('devnum')}`)).toBe('rw');
    expect(text(`${directory}/uevent`)).toContain(`DEVNAME=bus/usb/${three('busnum')}/${three('devnum')}`);
    expect(text(`${directory}/dev`)).toBe(`189:${(Number(three('busnum')) - 1) * 128 + Number(three('devnum')) - 1}`);
  });
});

test('gadget zero: bulk both ways, isochronous in its alternate setting, a loopback configuration', () => {
  const descriptors = base.readFile('/sys/bus/usb/devices/1-2/descriptors');
  const endpoints: string[] = [];
  let setting = '';
  for (let at = 18; at < descriptors.length; at += descriptors[at] ?? 0) {
    if (descriptors[at + 1] === 2) setting = `${descriptors[at + 5]}`;
    if (descriptors[at + 1] === 4) setting = `${setting[0]}.${descriptors[at + 3]}`;
    if (descriptors[at + 1] === 5)
      endpoints.push(
        `${setting} ${descriptors.subarray(at + 2, at + 4).toString('hex')} ${descriptors.readUInt16LE(at + 4)}`,
      );
  }
  expect(endpoints).toEqual([
    '1.0 8102 512',
    '1.0 0102 512',
    '1.1 8102 512',
    '1.1 0102 512',
    '1.1 8201 1024',
    '1.1 0201 1024',
    '2.0 8102 512',
    '2.0 0102 512',
  ]);
});

/** The errno, null where it succeeds. */
function codeOf(call: () => unknown): string | null {
  try {
    call();
    return null;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test('the network ports are whole: no link leads nowhere, ids and addresses agree', () => {
  const more = path.join(__dirname, '../../../fixtures/network.snapshot');
  const { sys: machine } = simulatedMachine({ more: ['network'] });
  const added = parseManifest(fs.readFileSync(more), more);
  expect(added.filter((entry) => isLink(entry) && machine.access(entry.path) === null)).toEqual([]);
  const ports = machine
    .readDir('/sys/bus/pci/devices')
    .filter((address) => base.access(`/sys/bus/pci/devices/${address}`) === null);
  expect(ports).toEqual(['0000:00:0d.0', '0000:00:0e.0', '0000:00:0f.0', '0000:00:10.0']);
  for (const port of ports) {
    const directory = `/sys/bus/pci/devices/${port}`;
    const config = machine.readFile(`${directory}/config`);
    const attribute = (name: string) => machine.readFile(`${directory}/${name}`).toString().trim();
    expect([config.readUInt16LE(0), config.readUInt16LE(2)]).toEqual([0x8086, 0x10d3]);
    expect([attribute('vendor'), attribute('device'), attribute('class')]).toEqual(['0x8086', '0x10d3', '0x020000']);
    const starts = attribute('resource')
      .split('\n')
      .slice(0, 4)
      .map((line) => Number(line.split(' ')[0]));
    expect(starts).toEqual([0, 1, 2, 3].map((bar) => (config.readUInt32LE(0x10 + 4 * bar) & ~1) >>> 0));
  }
});
