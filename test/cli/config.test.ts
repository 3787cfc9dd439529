import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { configImage, lspciText } from '../support/config-image';
import { describeWith } from '../support/requires';
import { cliFails, cliPasses, ROOT, shell, text, udrv } from './udrv';

/** lspci -xxxx, -xxx and -x in the lab: an endpoint, a root port, a bridge, a drive, and 64 bytes of another. */
const LAB = 'fixtures/lab.lspci';

const folder = mkdtempSync(join(tmpdir(), 'udrv-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** A machine with one function, and such a configuration space. */
function machine(name: string, config: Buffer, ids = ''): string {
  const dir = '/sys/bus/pci/devices/0000:00:01.0';
  const lines = ['# udrv snapshot 1', `${dir}/vendor = 0x1234`, `${dir}/device = 0x5678`, `${dir}/class = 0x010802`];
  lines.push(`${dir}/config : ${config.toString('hex')}`, `/usr/share/misc/pci.ids = ${ids}`);
  return file(name, `${lines.join('\n')}\n# end ${lines.length - 1}\n`);
}

const image = configImage({
  capabilities: [
    [0x01, '0300 0800 00 00'],
    [0x09, '06 01020304'],
  ],
});
const raw = file('raw', image);
const unprivileged = machine('unprivileged', image.subarray(0, 64));
const cardbus = machine('cardbus', configImage({ headerType: 2 }).subarray(0, 128));
const asleep = machine('asleep', Buffer.alloc(256, 0xff));
const virtual = Buffer.from(image).fill(0xff, 0, 4);
const virtualMachine = machine('virtual', virtual, '1234  Some Vendor\\n\\t5678  Some VF\\nffff  Illegal Vendor ID\\n');
const virtualDump = file('virtual-dump', lspciText([virtual]).replace('Device', 'NVMe: Some Virtual Function'));
const numberedDump = file('numbered-dump', lspciText([virtual]).replace('Device', 'NVMe [0108]: x [1234:5678]'));
/** A machine that has facts beside the space: a slot, an interrupt, modules and product data. */
const attached = join(folder, 'attached');
for (const [path, content] of Object.entries<string | Buffer>({
  'sys/bus/pci/devices/0000:00:01.0/vendor': '0x1234\n',
  'sys/bus/pci/devices/0000:00:01.0/device': '0x5678\n',
  'sys/bus/pci/devices/0000:00:01.0/class': '0x010802\n',
  'sys/bus/pci/devices/0000:00:01.0/irq': '16\n',
  'sys/bus/pci/devices/0000:00:01.0/modalias': 'pci:v00001234d00005678sv00000000sd00000000bc01sc08i02\n',
  'sys/bus/pci/devices/0000:00:01.0/config': image,
  'sys/bus/pci/devices/0000:00:01.0/vpd': Buffer.from(
    '820a0053656c661b2d6d616465901300504e03412d31534e01375630027838525601ff78',
    'hex',
  ),
  'sys/bus/pci/slots/2/address': '0000:01:00\n',
  'sys/bus/pci/slots/3/address': '0000:00:01\n',
  'proc/sys/kernel/osrelease': '6.1.0\n',
  'lib/modules/6.1.0/modules.alias':
    'alias pci:v*d*sv*sd*bc01sc08i02* nvme\nalias pci:v00001234d*sv*sd*bc*sc*i* nvme_x\nalias pci:v00001235d*sv*sd*bc*sc*i* other\n',
})) {
  mkdirSync(dirname(join(attached, path)), { recursive: true });
  writeFileSync(join(attached, path), content);
}
const hostile = file('hostile', lspciText([image]).replace('Device', 'x\x1b[31m\x07 y'));
const empty = file('empty', '');
const odd = file('odd', image.subarray(0, 100));

cliPasses([
  [
    '--sim vfio config 00:03.0',
    text`
      0000:00:03.0  1234:11e8  Unclassified device: QEMU edu  [256 bytes]
        Header: class 0x00ff00, revision 10, headerType 0, multiFunction-, subsystem 1af4:1100,
            latencyTimer 0, cacheLineBytes 0, interruptPin A, interruptLine 11, minGnt 0, maxLat 0
            Command: ioSpace+ memorySpace+ busMaster- specialCycles- memoryWriteInvalidate-
                vgaPaletteSnoop- parityErrorResponse- stepping- serr+ fastBackToBack- interruptDisable-
            Status: immediateReadiness- interrupt- capabilitiesList+ mhz66- userDefinable- fastBackToBack-
                masterDataParityError-, devsel fast, signaledTargetAbort- receivedTargetAbort-
                receivedMasterAbort- systemError- detectedParityError-
            Bar0: mmio, address 0xfe200000, width 32-bit, prefetchable-, size 1M
        [40] MSI: enable-, count 1, maxCount 1, maskable- address64+, address 0x0000000000000000,
            data 0x0000
        System: irq 11, driver vfio-pci
    `,
  ],
  // Named by its block device; by the UIO device that it is.
  [
    '--sim vfio config nvme0n1',
    /^0000:01:00\.0 {2}1b36:0010 [\s\S]*\n {2}\[40\] MSI-X: enable\+, count 65[\s\S]*\[80\] PCI Express \(v2\): Endpoint/,
  ],
  ['--sim vfio config uio0', /^0000:00:04\.0 {2}1234:11e8 /],
  [`--sim vfio config --file ${LAB} 0000:00:08.0`, /\n {2}\[100 v2\] Advanced Error Reporting: /],
  [
    `--sim vfio config --file ${LAB} 00:08.0`,
    /^0000:00:08\.0 {2}1b36:000c [\s\S]*PCI Express \(v2\): Root Port, slot\+/,
  ],
  [`--sim vfio config --file ${LAB} 02:01.0`, /note: truncated: the capability at 0x40 is not among the 64 bytes\n$/],
  [
    ['--sim', 'vfio', 'config', '-v', '--file', raw],
    /^image {2}1234:5678 [\s\S]*Command: value 0x0000, ioSpace-[\s\S]*\[48\] Vendor Specific Information: length 6\n {6}48: 09 00 06 01 02 03\n$/,
  ],
  [
    ['--sim', 'vfio', 'config', '--raw', '--file', raw],
    `0000:00:00.0 \n${lspciText([image]).split('\n').slice(1, -1).join('\n')}`,
  ],
  [
    ['--snapshot', unprivileged, 'vfio', 'config', '00:01.0'],
    /\n {2}note: truncated: the copy has only 64 bytes, which is what the kernel gives to users other than root\n/,
  ],
  [['--snapshot', cardbus, 'vfio', 'config', '00:01.0'], /\n {2}note: truncated: the copy has only 128 bytes, /],
  // A virtual function has no ids in its configuration space, and there is a name for these in the databases.
  [
    ['--snapshot', virtualMachine, 'vfio', 'config', '00:01.0'],
    /^0000:00:01\.0 {2}1234:5678 {2}NVMe controller: Some Vendor Some VF {2}\[256 bytes\]\n[\s\S]*\n {2}note: the header has no ids \(ffff:ffff\), as that of an SR-IOV virtual function; 1234:5678 is what the kernel has\n/,
  ],
  [
    ['--snapshot', virtualMachine, 'vfio', 'config', '--file', virtualDump],
    /^0000:00:00\.0 {2}ffff:ffff {2}NVMe: Some Virtual Function {2}\[256 bytes\]\n/,
  ],
  // lspci -nn writes the ids that sysfs has.
  [
    ['--snapshot', virtualMachine, 'vfio', 'config', '--file', numberedDump],
    /^0000:00:00\.0 {2}1234:5678 {2}NVMe controller: Some Vendor Some VF {2}\[256 bytes\]\n/,
  ],
  [
    ['--sysroot', attached, 'vfio', 'config', '00:01.0'],
    /\n {2}System: physicalSlot 3, irq 16, kernelModules nvme nvme_x\n {2}Vital Product Data: Self\\x1b-made, PN A-1, SN 7, V0 x8\n {2}note: VPD checksum is wrong\n$/,
  ],
  // A title that would drive the terminal; of a vendor that no database has.
  [
    ['--snapshot', unprivileged, 'vfio', 'config', '--file', hostile],
    /^0000:00:00\.0 {2}1234:5678 {2}x\\x1b\[31m\\x07 y {2}\[256 bytes\]\n/,
  ],
]);

cliFails(2, [
  [
    ['--sim', 'vfio', 'config'],
    "usage: missing required argument 'device', or --file DUMP",
    'device: 0000:00:00.0, 0000:00:03.0, 0000:00:04.0, 0000:00:07.0, 0000:00:08.0, 0000:00:09.0, 0000:00:0a.0, 0000:00:0b.0, 0000:00:1f.0, 0000:00:1f.2, 0000:00:1f.3, 0000:01:00.0, ...; usage: udrv vfio config [options] [device]',
  ],
  [
    ['--sim', 'vfio', 'config', '--file', empty],
    /: has no configuration space: neither lines of lspci -x, nor 64, 256, 4096 bytes \(it has 0\)$/,
    'lspci -xxxx as root writes such a file; so does cat /sys/bus/pci/devices/ADDRESS/config',
  ],
  [
    ['--sim', 'vfio', 'config', '--file', odd],
    /\(it has 100\)$/,
    'lspci -xxxx as root writes such a file; so does cat /sys/bus/pci/devices/ADDRESS/config',
  ],
  [['--sim', 'vfio', 'config', '--file', folder], /: is a directory$/],
  [['--sim', 'vfio', 'config', '--file', '/dev/zero'], '/dev/zero: is larger than 67108864 bytes'],
]);

cliFails(3, [
  [
    '--sim vfio config 00:1e.7',
    '00:1e.7: no such device (ENODEV)',
    'did you mean one of 00:1f.0, 00:1f.2, 00:1f.3? udrv --sim list --all shows what there is',
  ],
  ['--sim vfio config 1-2', '1-2: is no PCI function (ENODEV)', 'udrv --sim list --type pci'],
  // A platform device.
  ['--sim vfio config uio1', 'uio1: is no PCI function (ENODEV)', 'udrv --sim list --type pci'],
  [`--sim vfio config --file ${LAB} 00:1e.7`, '00:1e.7: no such function in the file (ENODEV)'],
  ['--sim vfio config --file /nonexistent', '/nonexistent: no such file or directory (ENOENT)'],
  [
    '--snapshot fixtures/lab.snapshot vfio config 00:03.0',
    '0000:00:03.0: its configuration space is not here to read (ENOENT)',
    'of another machine, lspci -xxxx makes a file for udrv vfio config --file',
  ],
]);

cliFails(8, [
  [
    ['--snapshot', asleep, 'vfio', 'config', '00:01.0'],
    '00:01.0: 0000:00:01.0 does not answer: its configuration space reads as all ones (ENODEV)',
  ],
]);

test.concurrent('JSON of a device', async () => {
  const { stdout } = await udrv('--sim --json vfio config 00:03.0');
  expect(JSON.parse(stdout)).toMatchObject({
    address: '0000:00:03.0',
    source: 'sysfs',
    size: 256,
    header: { vendorId: '1234', deviceId: '11e8', class: '0x00ff00', bars: [{ name: 'bar0', address: '0xfe200000' }] },
    capabilities: [{ id: '0x05', name: 'MSI', offset: 0x40, enable: false }],
    extendedCapabilities: [],
    notes: [],
  });
});

test.concurrent('JSON of a file has all its devices', async () => {
  const { devices } = JSON.parse((await udrv(`--sim --json vfio config --file ${LAB}`)).stdout);
  const list = (d: { capabilities: { offset: number }[]; extendedCapabilities: { offset: number }[] }) =>
    [...d.capabilities, ...d.extendedCapabilities].map(({ offset }) => offset);
  expect(devices.map((d: { address: string; size: number }) => [d.address, d.size])).toEqual([
    ['0000:00:03.0', 256],
    ['0000:00:08.0', 4096],
    ['0000:00:09.0', 256],
    ['0000:01:00.0', 256],
    ['0000:02:01.0', 64],
  ]);
  expect(devices.map(list)).toEqual([
    [0x40],
    [0x54, 0x48, 0x40, 0x100, 0x148],
    expect.anything(),
    [0x40, 0x80, 0x60],
    [],
  ]);
});

test.concurrent('raw is what was read, and what --file reads', async () => {
  const dump = readFileSync(join(ROOT, LAB), 'utf8');
  const { stdout } = await udrv(`--sim vfio config --raw --file ${LAB}`);
  expect(stdout.trimEnd()).toBe(dump.trimEnd());
  const again = await shell(`udrv --sim vfio config --raw --file ${LAB} | udrv --sim --json vfio config --file -`);
  expect(again).toEqual({ ...(await udrv(`--sim --json vfio config --file ${LAB}`)), stderr: '' });
  const json = JSON.parse((await udrv(['--sim', '--json', 'vfio', 'config', '--raw', '--file', raw])).stdout);
  expect(json).toEqual({
    schema: 'udrv.config/1',
    devices: [{ address: null, source: 'file', size: 256, bytes: image.toString('hex') }],
  });
});

describeWith('lspci', 'lspci', () => {
  test('reads what --raw writes', async () => {
    const { stdout } = await udrv('--sim vfio config --raw 00:08.0');
    const path = file('root-port', stdout);
    const { stdout: decoded } = spawnSync('lspci', ['-vv', '-F', path], { encoding: 'utf8' });
    expect(decoded.match(/^\tCapabilities: .*/gm)).toHaveLength(5);
  });
});
