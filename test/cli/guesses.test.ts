import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliFails, cliPasses, udrv } from './udrv';

// What a person types first, without having read anything: it does what was meant, or says what to type.

describe('no command', () => {
  test.concurrent('lists, and says what else there is', async () => {
    const [listed, alone] = await Promise.all([udrv('--sim list'), udrv('--sim')]);
    expect(alone).toEqual({
      stdout: listed.stdout,
      stderr:
        'udrv: udrv DEVICE shows one of them; udrv --sim list --all adds the PCI functions that the kernel drives\n' +
        'udrv: udrv --help shows what else there is\n',
      exit: 0,
    });
  });

  test.concurrent.each(['--json', '-q'])('with %s it is the list, and nothing is remarked', async (option) => {
    const [alone, listed] = await Promise.all([udrv(`--sim ${option}`), udrv(`--sim list ${option}`)]);
    // The timer of uio1 does not stand still, and nobody knows of its interrupt before the first.
    const still = (stdout: string) => stdout.replaceAll(/"eventCount":\d+,"irq":(?:true|null)/g, '');
    expect({ ...alone, stdout: still(alone.stdout) }).toEqual({ ...listed, stdout: still(listed.stdout) });
  });

  test.concurrent.each([
    'uio0',
    '0000:00:03.0',
    '00:03.0',
    'vfio0',
    '1-2',
    '/dev/uio0',
    'sn:UDRV0004',
    'uio0 1-2',
    'nvme0n1 --json',
  ])('%s alone is shown', async (words) => {
    const shown = await udrv(`--sim show ${words}`);
    expect(shown).toMatchObject({ stderr: '', exit: 0 });
    expect(await udrv(`--sim ${words}`)).toEqual(shown);
  });

  // By the driver's name; its interrupts do not stand still.
  cliPasses([['--sim timer', /^uio1 {2}timer\n {2}driver +uio_pdrv_genirq\n/]]);

  cliFails(3, [
    // Words that can only be devices.
    ['--sim 9-9', '9-9: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
    [
      '--sim 0000:00:1e.0',
      '0000:00:1e.0: no such device (ENODEV)',
      'did you mean 0000:00:1f.0? udrv --sim list --all shows what there is',
    ],
    [
      '--sim 1234:11e8',
      '1234:11e8: matches 3 devices: uio0 (0000:00:04.0, 0xfe300000), 0000:00:03.0 (vfio-pci), 0000:02:01.0 (vfio-pci)',
      'name one by its address',
    ],
  ]);

  cliFails(2, [
    ['--sim lst', "usage: unknown command 'lst'", 'did you mean list?'],
    ['--sim shwo uio0', "usage: unknown command 'shwo'", 'did you mean show?'],
    ['--sim uio0 read map0 0', "usage: the command 'read' stands before the device", 'udrv --sim read uio0 map0 0'],
    ['--sim uio0 --nonsense', "usage: unknown option '--nonsense'"],
    // Names of devices are near, too.
    ['--sim UIO0', "usage: unknown command 'UIO0'", 'did you mean uio0?'],
    ['--sim tiemr', "usage: unknown command 'tiemr'", 'did you mean timer?'],
    ['help shw', "usage: unknown command 'shw'", 'did you mean show?'],
    ['help usb bulkk', "usage: unknown command 'bulkk'", 'did you mean bulk?'],
    ['help usb xyz', "usage: unknown command 'xyz'", '--help shows what there is'],
  ]);
});

describe('ls is list', () => {
  test.concurrent.each(['', 'uio', 'vfio', 'usb'])('%s', async (noun) => {
    expect(await udrv(`--sim ${noun} ls`)).toEqual(await udrv(`--sim ${noun} list`));
  });
});

describe('a command without its framework is that of the device', () => {
  test.concurrent.each([
    ['read uio0 map0 0', 'uio'],
    ['read uio0 map0:0x4 -w 2', 'uio'],
    ['read 0000:00:03.0 bar0 0', 'vfio'],
    ['read vfio0 config:0 -w 2 --backend group', 'vfio'],
    ['write uio0 map0 0x4 1 -n', 'uio'],
    ['write 0000:00:03.0 bar0:0x4 1 -n', 'vfio'],
    ['dump uio0 map0 0x0+0x20', 'uio'],
    ['dump uio0 map0:0x0+0x20 --format hex', 'uio'],
    ['dump 0000:00:03.0 bar0:0x0-0x10', 'vfio'],
    ['info 0000:00:03.0', 'vfio'],
    ['groups', 'vfio'],
    ['groups --json', 'vfio'],
    ['watch-irq uio0 -n', 'uio'],
    ['watch-irq vfio0 -n --irq msi', 'vfio'],
    ['irq uio0 off -n', 'uio'],
    ['bench uio0 --trigger map0:0x60=1 -n', 'uio'],
    ['bench 0000:00:03.0 -n', 'vfio'],
    ['bench 1-2 0x81 -n', 'usb'],
    ['config 0000:01:00.0', 'vfio'],
    ['config uio0', 'vfio'],
    ['config --file fixtures/lab.lspci', 'vfio'],
    ['config 1-2 1 -n', 'usb'],
    ['reset 1-2 -n', 'usb'],
    ['reset 0000:00:03.0 -n', 'vfio'],
  ])('udrv %s is udrv %s ...', async (line, noun) => {
    const whole = await udrv(`--sim ${noun} ${line}`);
    expect(whole).toMatchObject({ exit: 0 });
    expect(await udrv(`--sim ${line}`)).toEqual(whole);
  });

  cliPasses([
    // The function behind a UIO device.
    ['--sim read 0000:00:04.0 map0 0', '0x010000ed\n'],
    ['--sim watch-irq uio1 -c 2 -q', /^ +1 .*\n +2 .*\n$/],
  ]);

  const usb = 'they have show, ctrl, bulk, int, iso, reset, config, alt, clear-halt, detach, attach, bench';
  const uio = 'they have show, dump, read, write, regs, watch, watch-irq, irq, bench';
  cliFails(2, [
    ['--sim read 1-2 bar0 0', "1-2: 'read' is not for USB devices", usb],
    ['--sim watch-irq 1-2', "1-2: 'watch-irq' is not for USB devices", usb],
    ['--sim info uio0', "uio0: 'info' is not for UIO devices", uio],
    ['--sim reset uio0', "uio0: 'reset' is not for UIO devices", uio],
    [
      '--sim irq 0000:01:00.0 on',
      "0000:01:00.0: 'irq' is not for PCI functions that are not bound to vfio-pci",
      'they have show, config, bind, unbind, restore, pci read, pci dump; for others: udrv --sim bind 0000:01:00.0 vfio-pci',
    ],
    ['--sim read uio0 map0 0 --mmap', '--mmap: is not for UIO devices', 'udrv --sim uio read --help'],
    ['--sim read uio0 map0 0 --no-mmap', '--no-mmap: is not for UIO devices', 'udrv --sim uio read --help'],
    ['--sim reset 1-2 --backend group', '--backend: is not for USB devices', 'udrv --sim usb reset --help'],
    ['--sim config uio0 1', '1: is too much', 'udrv --sim uio config --help'],
    ['--sim bench uio0', "usage: required option '--trigger <action>' not specified"],
  ]);

  cliFails(3, [
    [
      '--sim read 0000:01:00.0 bar0 0',
      '0000:01:00.0: not bound to a VFIO driver (driver: nvme) (ENODEV)',
      'udrv --sim bind 0000:01:00.0 vfio-pci; beside its driver: udrv --sim pci read 0000:01:00.0',
    ],
    ['--sim read 9-9 map0 0', '9-9: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
  ]);
});

describe('REGION:OFFSET stands for the two', () => {
  cliPasses([
    ['--sim uio read uio0 map0:0x0', '0x010000ed\n'],
    ['--sim uio write uio0 map0:0x4 1 -n', 'uio0 map0:0x4/4=0x00000001\n'],
    ['--sim uio dump uio0 map0:0x0+0x4', '0x0000  0x010000ed\n'],
    ['--sim vfio dump vfio0 config:0x0 -w 2', '0x0000  0x1234\n'],
    [
      '--sim uio watch-irq uio0 -n --ack map0:0x64=map0:0x24 --trigger map0:0x60=-1',
      /^map0:0x60=-1\nmap0:0x64=map0:0x24\n/,
    ],
  ]);
  cliFails(2, [
    ['--sim read uio0 map0:0 4', 'map0:0 4: both say where in the region: give one', 'map0:0, or a region and 4'],
    [
      '--sim uio dump uio0 map0:0 0+4',
      'map0:0 0+4: both say where in the region: give one',
      'map0:0, or a region and 0+4',
    ],
    ['--sim write uio0 map0:4 1 2', 'map0:4 1: both say where in the region: give one', 'map0:4, or a region and 1'],
  ]);
});

describe('numbers', () => {
  cliPasses([
    ['--sim write uio0 map0 0x4 -1 -w 2 -n', 'uio0 map0:0x4/2=0xffff\n'],
    ['--sim write uio0 map0 0x4 -0x10 -n', 'uio0 map0:0x4/4=0xfffffff0\n'],
    ['--sim write uio0 map0:0b1000 -1 -n -w 8', 'uio0 map0:0x8/8=0xffffffffffffffff\n'],
    ['--sim write uio0 map0 0o4 0x1_0000 -n', 'uio0 map0:0x4/4=0x00010000\n'],
    ['--sim read vfio0 bar0 0b0000_0000', '0x010000ed\n'],
    ['--sim usb bulk 1-2 0b1 --data 00 -n', /^1-2:1\.0: claim\n1-2 0x01: write 00\n/],
  ]);
  cliFails(2, [
    ['--sim write uio0 map0 0x4 -129 -w 1 -n', '-129: does not fit a register of 1 bytes'],
    ['--sim write uio0 map0 0x4 -0x8001 -w 2 -n', '-32769: does not fit a register of 2 bytes'],
    ['--sim write uio0 map0 0x4 256 -w 1 -n', 'uio0 map0: 0x100 does not fit a register of 1 bytes'],
    ['--sim write uio0 map0 -4 1 -n', '-4: is not an offset: decimal or 0x hex, with K, M or G'],
    ['--sim uio watch-irq uio0 -n --ack map0:0x0/1=-200', '-200: does not fit a register of 1 bytes'],
    ['--sim read uio0 map0 0b12', '0b12: is not an offset: decimal or 0x hex, with K, M or G'],
  ]);
});

describe('-c is --count', () => {
  cliPasses([
    ['--sim uio watch-irq uio1 -c 1 -q', /^ +1 /],
    ['--sim vfio watch-irq vfio0 -c 2 --loopback -q', /^ +1 .*\n +2 .*\n$/],
    ['--sim usb int 1-2 0x81 --length 512 -c 2 --json', /^\{.*\}\n\{.*\}\n$/],
    ['--sim usb iso 1-2 0x82 --alt 1 --packets 1 -c 2 -n', /receive 2 packets/],
    ['--sim monitor --help', / -c, --count <n> /],
  ]);
});

describe('irq on and off', () => {
  test.concurrent.each([
    ['on', 'enable'],
    ['off', 'disable'],
  ])('%s is %s', async (word, known) => {
    const outcome = await udrv(`--sim uio irq uio0 ${known} -n`);
    expect(outcome).toMatchObject({ stderr: '', exit: 0 });
    expect(await udrv(`--sim uio irq uio0 ${word} -n`)).toEqual(outcome);
  });
});

describe('--text', () => {
  const written = (bytes: string) => `1-2:1.0: claim\n1-2 0x01: write ${bytes}\n1-2:1.0: release\n`;
  cliPasses([
    [['--sim', 'usb', 'bulk', '1-2', '0x01', '--text', 'Hi ü\\r\\n', '-n'], written('486920c3bc0d0a')],
    [['--sim', 'usb', 'int', '1-2', '0x01', '--text', '\\0\\x41\\xfF\\\\\\t', '-n'], /write 0041ff5c09\n/],
    [['--sim', 'usb', 'iso', '1-2', '0x02', '--alt', '1', '--text', '-0x10', '-n'], /write 2d30783130\n/],
    ['--sim usb bulk 1-2 0x01 --text hello --json', '{"status":"ok","requested":5,"actual":5}\n'],
    ['--sim usb ctrl 1-2 0x40 0x5b 0 0 --text abcd --json', '{"status":"ok","requested":4,"actual":4}\n'],
  ]);
  const escapes = 'write \\n, \\r, \\t, \\0, \\xNN for any byte, \\\\ for a backslash';
  cliFails(2, [
    ['--sim usb bulk 1-2 0x01 --text a\\q', 'a\\q: has no escape \\q', escapes],
    ['--sim usb bulk 1-2 0x01 --text \\x4', '\\x4: has no escape \\x', escapes],
    ['--sim usb bulk 1-2 0x01 --text a\\', 'a\\: has no escape \\', escapes],
    ['--sim usb bulk 1-2 0x01 --text a --data 00', '--data and --text: both say what to send: give one'],
    ['--sim usb bulk 1-2 0x81 --text a', '0x81: is an IN endpoint: the data comes from the device', '--length N'],
    ['--sim usb bulk 1-2 0x01', '0x01: is an OUT endpoint: give the data', '--data HEX|@FILE|- or --text STRING'],
  ]);
});

describe('standard requests by name', () => {
  // As --dry-run shows them: bmRequestType, bRequest, wValue, wIndex, the length and the direction. Claims are left out.
  test.concurrent.each([
    ['GET_DESCRIPTOR device', '0x80 0x06 0x0100 0x0000, 18 bytes in'],
    ['get-descriptor Config 1', '0x80 0x06 0x0201 0x0000, 4096 bytes in'],
    ['GET_DESCRIPTOR string 0', '0x80 0x06 0x0300 0x0000, 255 bytes in'],
    ['GET_DESCRIPTOR string 2', '0x80 0x06 0x0302 0x0409, 255 bytes in'],
    ['GET_DESCRIPTOR string 2 0x0407', '0x80 0x06 0x0302 0x0407, 255 bytes in'],
    ['GET_DESCRIPTOR bos', '0x80 0x06 0x0f00 0x0000, 4096 bytes in'],
    ['GET_DESCRIPTOR qualifier', '0x80 0x06 0x0600 0x0000, 10 bytes in'],
    ['GET_DESCRIPTOR hid-report 0', '0x81 0x06 0x2200 0x0000, 4096 bytes in'],
    ['GET_DESCRIPTOR 0x29', '0x80 0x06 0x2900 0x0000, 4096 bytes in'],
    ['GET_DESCRIPTOR config --length 9', '0x80 0x06 0x0200 0x0000, 9 bytes in'],
    ['GET_STATUS device', '0x80 0x00 0x0000 0x0000, 2 bytes in'],
    ['GET_STATUS interface 0', '0x81 0x00 0x0000 0x0000, 2 bytes in'],
    ['GET_STATUS endpoint 0x81', '0x82 0x00 0x0000 0x0081, 2 bytes in'],
    ['CLEAR_FEATURE endpoint 0x81 halt', '0x02 0x01 0x0000 0x0081, 0 bytes out'],
    ['SET_FEATURE endpoint 0x01 0', '0x02 0x03 0x0000 0x0001, 0 bytes out'],
    ['SET_FEATURE device remote-wakeup', '0x00 0x03 0x0001 0x0000, 0 bytes out'],
    ['SET_FEATURE device test-mode 4', '0x00 0x03 0x0002 0x0400, 0 bytes out'],
    ['SET_ADDRESS 9', '0x00 0x05 0x0009 0x0000, 0 bytes out'],
    ['GET_CONFIGURATION', '0x80 0x08 0x0000 0x0000, 1 bytes in'],
    ['SET_CONFIGURATION 2', '0x00 0x09 0x0002 0x0000, 0 bytes out'],
    ['GET_INTERFACE 0', '0x81 0x0a 0x0000 0x0000, 1 bytes in'],
    ['SET_INTERFACE 0 1', '0x01 0x0b 0x0001 0x0000, 0 bytes out'],
    ['SYNCH_FRAME 0x81', '0x82 0x0c 0x0000 0x0081, 2 bytes in'],
  ])('%s', async (request, steps) => {
    const { stdout, stderr, exit } = await udrv(`--sim usb ctrl 1-2 ${request} -n`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout.split('\n').filter((line) => line.includes('control'))).toEqual([`1-2: control ${steps}`]);
  });

  test.concurrent('the device answers as it answers numbers', async () => {
    const numbers = await udrv('--sim usb ctrl 1-2 0x80 6 0x0100 0 18');
    expect(numbers).toMatchObject({ stdout: /^0x0000 {2}12 01/.exec(numbers.stdout)?.input, stderr: '', exit: 0 });
    expect(await udrv('--sim usb ctrl 1-2 GET_DESCRIPTOR device')).toEqual(numbers);
  });

  test.concurrent.each([
    ['SET_CONFIGURATION 1', '0x00 9 1 0 0'],
    ['SET_INTERFACE 0 1', '0x01 11 1 0 0'],
    ['CLEAR_FEATURE endpoint 0x81 halt', '0x02 1 0 0x81 0'],
  ])('%s is what it is as numbers, remarks and all', async (named, numbers) => {
    expect(await udrv(`--sim usb ctrl 1-2 ${named}`)).toEqual(await udrv(`--sim usb ctrl 1-2 ${numbers}`));
  });

  cliFails(2, [
    [
      '--sim usb ctrl 1-2 GET_DESCRIPTR device',
      'GET_DESCRIPTR: is neither a bmRequestType nor a standard request',
      'did you mean GET_DESCRIPTOR?',
    ],
    [
      '--sim usb ctrl 1-2 GET_DESCRIPTOR devcie',
      'devcie: is not a descriptor of GET_DESCRIPTOR',
      'did you mean device?',
    ],
    ['--sim usb ctrl 1-2 GET_STATUS', 'GET_STATUS: needs a recipient: device, interface, endpoint'],
    ['--sim usb ctrl 1-2 GET_STATUS interface', 'GET_STATUS: needs an interface'],
    ['--sim usb ctrl 1-2 GET_STATUS interface 256', '256: is not an interface: a number up to 255'],
    ['--sim usb ctrl 1-2 GET_STATUS device 3', '3: is too much for GET_STATUS'],
    ['--sim usb ctrl 1-2 SET_FEATURE interface 0 halt', 'halt: is not a feature of SET_FEATURE', 'write suspend'],
    ['--sim usb ctrl 1-2 GET_CONFIGURATION --data 00', 'wLength and --data: give one: the data has its length'],
    ['--sim usb ctrl 1-2 0x80 6 0x100 0 18 --length 18', 'wLength and --length: are the same: give one'],
  ]);
});

describe('ids with one half', () => {
  cliPasses([
    ['--sim list -q 8086:', '0000:00:00.0\n0000:00:1f.0\n0000:00:1f.2\n0000:00:1f.3\n'],
    ['--sim list -q 0x8086:', '0000:00:00.0\n0000:00:1f.0\n0000:00:1f.2\n0000:00:1f.3\n'],
    ['--sim list -q 0x0525:0xa4a0', '1-2\n3-1\n'],
    ['--sim list -q :11e8', 'uio0\n0000:00:03.0\n0000:02:01.0\n'],
    ['--sim list -q 0525:', '1-2\n3-1\n'],
    ['--sim usb list -q :A4A0', '1-2\n3-1\n'],
    ['--sim list -q --type pci 1234:', '0000:00:03.0\n0000:00:04.0\n0000:02:01.0\n'],
    ['--sim usb show -q 46f4:', /^1-4 /],
  ]);
  cliFails(3, [
    ['--sim list 8087:', '8087:: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
    [
      '--sim list 8086',
      '8086: no such device (ENODEV)',
      'write ids as 8086: for a vendor, :8086 for a device; udrv --sim list --all shows what there is',
    ],
    ['--sim list :', ':: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
  ]);
});

describe('several devices are shown at once', () => {
  test.concurrent.each([
    ['show', 'uio0', '1-2'],
    ['uio show', 'uio0', 'uio2'],
    ['vfio show', 'vfio0', 'vfio1'],
    ['usb show', '1-2', '3-1'],
  ])('%s %s %s', async (command, first, second) => {
    const [one, two] = await Promise.all([udrv(`--sim ${command} ${first}`), udrv(`--sim ${command} ${second}`)]);
    expect(await udrv(`--sim ${command} ${first} ${second}`)).toEqual({
      stdout: `${one.stdout}\n${two.stdout}`,
      stderr: '',
      exit: 0,
    });
    const documents = await Promise.all([first, second].map((name) => udrv(`--sim ${command} ${name} --json`)));
    const { schema, devices } = JSON.parse((await udrv(`--sim ${command} ${first} ${second} --json`)).stdout);
    // A device of several has a schema of its own or that of all.
    expect(devices.map((device: object) => ({ schema, ...device }))).toEqual(
      documents.map(({ stdout }) => JSON.parse(stdout)),
    );
  });

  cliPasses([['--sim usb show 1-2 3-1 --raw', /^# 1-2\n# descriptors\n1201[\s\S]*\n\n# 3-1\n# descriptors\n1201/]]);
  // A framework is no device.
  cliFails(3, [
    [
      '--sim list usb',
      'usb: no such device (ENODEV)',
      'udrv --sim list --type usb lists those; udrv --sim list --all shows what there is',
    ],
    [
      '--sim show pci',
      'pci: no such device (ENODEV)',
      'udrv --sim list --type pci lists those; udrv --sim list --all shows what there is',
    ],
  ]);
  // None is shown where one is missing.
  cliFails(3, [['--sim show uio0 9-9', '9-9: no such device (ENODEV)', 'udrv --sim list --all shows what there is']]);
});

describe('restore --all', () => {
  const folder = mkdtempSync(join(tmpdir(), 'udrv-restore-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Makes a machine with two functions that have another driver than before. */
  async function changed(name: string): Promise<string> {
    const path = join(folder, name);
    for (const bind of ['0000:00:03.0 uio_pci_generic', 'uio0 vfio-pci', '0000:00:0a.0 vfio-pci'])
      expect(await udrv(`--sim=${path} bind ${bind}`)).toMatchObject({ exit: 0 });
    return path;
  }

  test.concurrent('gives everything back, once', async () => {
    const machine = await changed('all');
    const plan = await udrv(`--sim=${machine} restore --all -n`);
    expect(plan).toMatchObject({ stderr: '', exit: 0 });
    expect(plan.stdout.split('\n').filter((line) => line.endsWith('/bind'))).toEqual([
      'echo 0000:00:03.0 > /sys/bus/pci/drivers/vfio-pci/bind',
      'echo 0000:00:04.0 > /sys/bus/pci/drivers/uio_pci_generic/bind',
      'echo 0000:00:0a.0 > /sys/bus/pci/drivers/uio_pci_generic/bind',
    ]);
    const { stdout, stderr, exit } = await udrv(`--sim=${machine} restore --all`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(
      /^0000:00:03\.0: vfio-pci, was uio_pci_generic; .*\n0000:00:04\.0: uio_pci_generic, was vfio-pci; .*\n0000:00:0a\.0: uio_pci_generic, was .*\n$/,
    );
    expect(await udrv(`--sim=${machine} restore --all`)).toEqual({
      stdout: '',
      stderr: 'udrv: no earlier binding is recorded: there is nothing to give back\n',
      exit: 0,
    });
  });

  test.concurrent('goes on after one that fails, and its exit code tells', async () => {
    const machine = await changed('failing');
    const state = readFileSync(machine, 'utf8');
    const broken = state.replace(/(\\"driver\\":\\")vfio-pci/, '$1gone');
    expect(broken).not.toBe(state);
    writeFileSync(machine, broken);
    const plan = await udrv(`--sim=${machine} restore --all -n`);
    expect(plan).toMatchObject({ stdout: expect.stringMatching(/0000:00:04\.0[\s\S]*0000:00:0a\.0/), exit: 9 });
    const { stdout, stderr, exit } = await udrv(`--sim=${machine} restore --all --json`);
    expect(exit).toBe(9);
    expect(
      JSON.parse(stdout)
        .devices.map(({ address }: { address: string }) => address)
        .sort(),
    ).toEqual(['uio0', 'uio2']);
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).error),
    ).toEqual([
      expect.objectContaining({ code: 'ENODRIVER', message: 'gone: no PCI driver of this name is loaded', exit: 9 }),
    ]);
  });

  test.concurrent.each([
    ['', ''],
    ['-n', ''],
    ['--json -v', '{"schema":"udrv.list/1","devices":[]}\n'],
  ])('with nothing to give back: %s', async (options, stdout) => {
    expect(await udrv(`--sim restore --all ${options}`)).toEqual({
      stdout,
      stderr: 'udrv: no earlier binding is recorded: there is nothing to give back\n',
      exit: 0,
    });
  });

  cliFails(2, [
    ['--sim restore --all uio0', '--all: means every function that was changed: give no device and no --group'],
    ['--sim restore --all --group', '--all: means every function that was changed: give no device and no --group'],
  ]);
});

describe('a command of a framework without it', () => {
  const unknown = (word: string) => `usage: unknown command '${word}'`;
  cliFails(2, [
    ['dma-test DEV', unknown('dma-test'), 'udrv vfio dma-test DEV'],
    ['--sim dma-test vfio0 --length 4K', unknown('dma-test'), 'udrv --sim vfio dma-test vfio0 --length 4K'],
    ['ctrl 1-2', unknown('ctrl'), 'udrv usb ctrl 1-2'],
    ['bulk 1-2 0x81 --length 512', unknown('bulk'), 'udrv usb bulk 1-2 0x81 --length 512'],
    ['detach 1-4:1.0', unknown('detach'), 'udrv usb detach 1-4:1.0'],
    ['uio dma-test vfio0', unknown('dma-test'), 'udrv vfio dma-test vfio0'],
    ['help dma-test', unknown('dma-test'), 'udrv vfio dma-test --help'],
    ['help usb dma-test', unknown('dma-test'), 'udrv vfio dma-test --help'],
    // An option behind an unknown word is not what is wrong.
    ['--sim lst --nonsense', unknown('lst'), 'did you mean list?'],
  ]);
});

test.concurrent('restore names the functions whose earlier binding is recorded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'udrv-restore-'));
  const machine = `--sim=${folder}/machine`;
  const usage = 'usage: udrv restore [options] [device...]';
  try {
    expect((await udrv(`${machine} restore`)).stderr).toBe(
      `udrv: usage: missing required argument 'device', or --all\nhint: no earlier binding is recorded; ${usage}\n`,
    );
    expect((await udrv(`${machine} bind 0000:01:00.0 vfio-pci`)).exit).toBe(0);
    expect((await udrv(`${machine} restore`)).stderr).toContain(`hint: device: 0000:01:00.0; ${usage}\n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('what else may be meant', () => {
  const driver = 'that is a driver: udrv --sim list --all --filter driver=nvme lists its devices';
  const busDevice = 'write 001/003 for bus and device number; udrv --sim list --all shows what there is';
  cliFails(3, [
    ['--sim list nvme', 'nvme: no such device (ENODEV)', driver],
    ['--sim bind nvme vfio-pci', 'nvme: no such device (ENODEV)', driver],
    ['--sim usb show 1:3', '1:3: no such device (ENODEV)', busDevice],
    ['--sim 1:3', '1:3: no such device (ENODEV)', busDevice],
  ]);
  cliFails(2, [
    ['--sim nvme', "usage: unknown command 'nvme'", driver],
    ['--sim usb detach 1-4', '1-4: names no interface', 'it has 1-4:1.0'],
    ['--sim usb attach 001/003', '001/003: names no interface', 'it has 1-2:1.0'],
    ['--sim list --no-header', "usage: unknown option '--no-header'", 'did you mean --no-headings?'],
    [
      '--sim write uio0 map0 4',
      "usage: missing required argument 'value'",
      'usage: udrv write [options] <device> <region> <offset> [value]',
    ],
    [
      '--sim irq uio0 status',
      'status: is not a state: enable, disable, on or off',
      'usage: udrv irq [options] <device> <state>',
    ],
  ]);
  cliFails(6, [
    [
      '--sim uio watch-irq uio3 --timeout 50ms',
      'uio3: no interrupt within 50 ms (ETIMEDOUT)',
      '--trigger REGION:OFFSET=VALUE makes a device interrupt that does not by itself',
    ],
  ]);
  const nothing = 'udrv: nothing matches the filter';
  test.concurrent.each([
    ['list --filter driver=nvme', `${nothing}; --all adds 1 PCI function that does\n`],
    ['list --type vfio --filter driver=nvme', `${nothing}\n`],
    ['list uio0 --filter driver=nvme', `${nothing}\n`],
    ['list --filter name=~QEMU', `${nothing}; ~ is the operator of patterns: name~QEMU\n`],
    ['usb list --filter name==*NONE*&&id', `${nothing}; ~ is the operator of patterns: name~*NONE*&&id\n`],
    ['vfio groups --filter driver!=*', ''],
  ])('%s', async (line, stderr) => expect((await udrv(`--sim ${line}`)).stderr).toBe(stderr));
});

describe('a wrong name suggests the nearest', () => {
  cliFails(2, [
    ['--sim uio raed uio0 map0 0', "usage: unknown command 'raed'", 'did you mean read?'],
    ['--sim uio info vfio0', "usage: unknown command 'info'", 'udrv --sim info vfio0'],
    ['--sim usb 1-2', "usage: unknown command '1-2'", 'udrv --sim usb show 1-2'],
    ['--sim usb xyz', "usage: unknown command 'xyz'", 'udrv --sim usb --help shows the commands'],
    ['--sim list --tpye usb', "usage: unknown option '--tpye'", 'did you mean --type?'],
  ]);
  cliFails(3, [
    ['--sim read uio0 mpa0 0', 'uio0 mpa0: no such region', 'it has map0'],
    ['--sim read vfio0 bra0 0', '0000:00:03.0 bra0: no such region', 'it has bar0'],
    [
      '--sim usb bulk 1-2 0x83 --length 1',
      '1-2 0x83: no such endpoint in configuration 1 (ENOENT)',
      'did you mean 0x81? it has 0x01, 0x81',
    ],
    ['--sim usb detach 1-2:1.7', '1-2:1.7: no such interface now (ENOENT)', 'it has 1-2:1.0'],
    [
      '--sim show tmier',
      'tmier: no such device (ENODEV)',
      'did you mean timer? udrv --sim list --all shows what there is',
    ],
    [
      '--sim list uio7',
      'uio7: no such device (ENODEV)',
      'did you mean one of uio0, uio1, uio2, uio3? udrv --sim list --all shows what there is',
    ],
  ]);
  cliFails(9, [
    ['--sim bind 00:03.0 vifo-pci', 'vifo-pci: no PCI driver of this name is loaded', 'perhaps vfio-pci is meant'],
  ]);
});

describe('a missing argument names what may stand there, and the usage', () => {
  const usb = 'usb1, 1-2, 1-3, 1-3.1, 1-4, usb2, usb3, 3-1';
  const missing = (name: string) => `usage: missing required argument '${name}'`;
  cliFails(2, [
    [
      '--sim uio read',
      missing('uio'),
      'device: uio0, uio1, uio2, uio3; usage: udrv uio read [options] <uio> <region> [offset]',
    ],
    [
      '--sim read uio0',
      missing('region'),
      'region: map0 (mmio, 1M); usage: udrv read [options] <device> <region> [offset]',
    ],
    [
      '--sim vfio dump vfio0',
      missing('region'),
      'region: bar0 (mmio, 1M), config (configuration space); usage: udrv vfio dump [options] <device> <region> [range]',
    ],
    [
      '--sim vfio info',
      missing('device'),
      'device: 0000:00:03.0, 0000:02:01.0; usage: udrv vfio info [options] <device>',
    ],
    ['--sim usb reset', missing('device'), `device: ${usb}; usage: udrv usb reset [options] <device>`],
    [
      '--sim usb bulk 1-2',
      missing('endpoint'),
      'endpoint: 0x81 (bulk in), 0x01 (bulk out); usage: udrv usb bulk [options] <device> <endpoint>',
    ],
    [
      '--sim bench 1-2',
      missing('endpoint'),
      'endpoint: 0x81 (bulk in), 0x01 (bulk out), 0x82 (isochronous in, --alt 1), 0x02 (isochronous out, --alt 1); usage: udrv bench [options] <device> [endpoint]',
    ],
    [
      '--sim usb alt',
      missing('interface'),
      'interface: 1-0:1.0, 1-2:1.0, 1-3:1.0, 1-3.1:1.0, 1-4:1.0, 2-0:1.0, 3-0:1.0, 3-1:1.0; usage: udrv usb alt [options] <interface> <value>',
    ],
    ['--sim usb alt 1-2:1.0', missing('value'), 'value: 0, 1; usage: udrv usb alt [options] <interface> <value>'],
    ['--sim usb config 1-2', missing('value'), 'value: 1, 2; usage: udrv usb config [options] <device> <value>'],
    ['--sim irq uio0', missing('state'), 'state: on, off; usage: udrv irq [options] <device> <state>'],
    [
      '--sim usb ctrl 1-2 0x80 6',
      missing('wValue'),
      'usage: udrv usb ctrl [options] <device> <bmRequestType> <bRequest> <wValue> <wIndex> [wLength]',
    ],
    [
      '--sim bind 00:03.0',
      missing('driver'),
      'driver: uio_pci_generic, vfio-pci; usage: udrv bind [options] <device...> <driver>',
    ],
    [
      '--snapshot fixtures/lab.snapshot uio read',
      missing('uio'),
      'device: uio0; usage: udrv uio read [options] <uio> <region> [offset]',
    ],
    // Only the devices that the command is for.
    [
      '--sim read',
      missing('device'),
      'device: uio0, uio1, uio2, uio3, 0000:00:03.0, 0000:02:01.0; usage: udrv read [options] <device> <region> [offset]',
    ],
    [
      '--sim reset',
      missing('device'),
      `device: 0000:00:03.0, 0000:02:01.0, ${usb}; usage: udrv reset [options] <device>`,
    ],
    ['--sim irq', missing('device'), 'device: uio0, uio1, uio2, uio3; usage: udrv irq [options] <device> <state>'],
    // No bridges.
    [
      '--sim unbind',
      missing('device'),
      'device: 0000:00:03.0, 0000:00:04.0, 0000:00:07.0, 0000:00:0a.0, 0000:00:0b.0, 0000:00:1f.2, 0000:00:1f.3, 0000:01:00.0, 0000:02:01.0, 0000:02:02.0; usage: udrv unbind [options] <device...>',
    ],
    [
      '--sim restore',
      `${missing('device')}, or --all`,
      'no earlier binding is recorded; usage: udrv restore [options] [device...]',
    ],
    ['--sim write uio0 map0', missing('offset'), 'usage: udrv write [options] <device> <region> <offset> [value]'],
    ['--sim write uio0 map0:4', missing('value'), 'usage: udrv write [options] <device> <region> <offset> [value]'],
    [
      '--sim uio write uio0 map0:4',
      missing('value'),
      'usage: udrv uio write [options] <uio> <region> <offset> [value]',
    ],
    [
      '--sim usb iso 1-2',
      missing('endpoint'),
      'endpoint: 0x82 (isochronous in, --alt 1), 0x02 (isochronous out, --alt 1); usage: udrv usb iso [options] <device> <endpoint>',
    ],
    [
      '--sim usb int 1-2',
      missing('endpoint'),
      'the device has no interrupt endpoint; usage: udrv usb int [options] <device> <endpoint>',
    ],
    ['completion', missing('shell'), 'shell: bash, zsh, fish; usage: udrv completion [options] <shell>'],
    // A machine that cannot be looked at.
    ['--snapshot /nowhere/x uio read', missing('uio'), 'usage: udrv uio read [options] <uio> <region> [offset]'],
  ]);

  test.concurrent('as JSON in the hint', async () => {
    const { stderr, exit } = await udrv('--sim --json uio read uio0');
    expect(exit).toBe(2);
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'EUSAGE',
        message: missing('region'),
        hint: 'region: map0 (mmio, 1M); usage: udrv uio read [options] <uio> <region> [offset]',
        exit: 2,
      },
    });
  });

  test.concurrent.each([
    'uio read',
    'read vfio0',
    'usb bulk 1-2',
    'usb config 1-2',
    'show uio9',
    'read uio0 mpa0 0',
    'uio0 read',
  ])('%s: no device is opened to find out', async (line) => {
    const { stdout, stderr } = await udrv(`--sim --trace ${line}`);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^udrv: .*\nhint: .*\n$/);
  });
});

describe('where the machine has no device, the error says what would make one', () => {
  const empty = mkdtempSync(join(tmpdir(), 'udrv-empty-'));
  afterAll(() => rmSync(empty, { recursive: true }));
  const at = `--sysroot ${empty}`;
  const any = 'there is no device: plug in a USB device; or udrv --sim list to try without';
  const usb = 'plug one in; udrv --sim usb list to try without';
  const uio = 'its driver makes one, as uio_pdrv_genirq does for platform devices; udrv --sim uio list to try without';
  const vfio =
    'it is a PCI function bound to vfio-pci, and this machine has no PCI; udrv --sim vfio list to try without';

  cliFails(3, [
    [`${at} uio0`, 'uio0: no such device (ENODEV)', any],
    [`${at} show 1-2`, '1-2: no such device (ENODEV)', any],
    [`${at} read uio0 map0 0`, 'uio0: no such device (ENODEV)', any],
    [`${at} uio show uio0`, 'uio0: no such device (ENODEV)', `there is no UIO device: ${uio}`],
    [`${at} vfio info 00:03.0`, '00:03.0: no such device (ENODEV)', `there is no VFIO device: ${vfio}`],
    [`${at} usb show 1-2`, '1-2: no such device (ENODEV)', `there is no USB device: ${usb}`],
    // This one has PCI functions.
    [
      '--snapshot fixtures/lab.snapshot vfio show 9:0.0',
      '9:0.0: no such device (ENODEV)',
      'udrv --snapshot fixtures/lab.snapshot list --all shows what there is',
    ],
  ]);
  cliFails(2, [
    [
      `${at} dump`,
      "usage: missing required argument 'device'",
      `${any}; usage: udrv dump [options] <device> <region> [range]`,
    ],
    [
      `${at} irq`,
      "usage: missing required argument 'device'",
      `there is no UIO device: ${uio}; usage: udrv irq [options] <device> <state>`,
    ],
    [
      `${at} usb detach`,
      "usage: missing required argument 'interface'",
      `there is no interface: ${usb}; usage: udrv usb detach [options] <interface>`,
    ],
  ]);

  test.concurrent.each([
    ['uio list', `udrv: no UIO device; ${uio}\n`],
    ['vfio list', `udrv: no VFIO device; ${vfio}\n`],
    ['usb list', `udrv: no USB device; ${usb}\n`],
    [
      '',
      `udrv: no device that user space can drive; udrv --sysroot ${empty} list --all shows the PCI functions that the kernel drives; udrv --sim list to try without\nudrv: udrv --help shows what else there is\n`,
    ],
  ])('a list is empty, and says so: %s', async (line, stderr) => {
    expect(await udrv(`${at} ${line}`)).toEqual({ stdout: '', stderr, exit: 0 });
  });
});

describe('the help of a command', () => {
  test.concurrent.each([
    ['list', ['--sysroot', '--snapshot', '--sim'], ['--trace', '--timeout', '--dry-run', '--version']],
    ['uio read', ['--sim', '--trace'], ['--sysroot', '--snapshot', '--timeout', '--dry-run']],
    ['read', ['--sim', '--trace', '--json', '--color'], ['--sysroot', '--timeout', '--dry-run']],
    ['uio watch-irq', ['--trace', '--timeout', '--dry-run', '--quiet', '--verbose'], ['--snapshot']],
    ['bind', ['--dry-run', '--sim'], ['--trace', '--timeout']],
    ['monitor', ['--timeout', '--sim'], ['--dry-run', '--snapshot']],
    ['uio', ['--json', '--sim', '--trace', '--timeout', '--dry-run'], ['--version']],
  ])('udrv %s --help has the global options that apply', async (command, shown, others) => {
    const { stdout, stderr, exit } = await udrv(`${command} --help`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    const globals = /\nGlobal Options:\n([\s\S]*?)\n\n/.exec(stdout)?.[1] ?? '';
    for (const option of shown) expect(globals).toContain(option);
    for (const option of others) expect(globals).not.toContain(option);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});
