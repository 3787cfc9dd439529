import { join } from 'node:path';
import { BOS, HID_REPORT, SECURITY_KEY, WEBCAM } from '../support/usb-fixtures';
import { plant, scratch, usbDevice } from './tree';
import { cliFails, cliPasses, onTerminal, text, udrv } from './udrv';

const directory = scratch();

describe('usb list', () => {
  cliPasses([
    [
      '--sim usb list',
      text`
        ADDRESS  BUS/DEV  ID         SPEED  CLASS                     DRIVER       ACCESS  NODES     SERIAL                  NAME
        usb1     001/001  1d6b:0002  480M   Hub                       hub          rw      -         0000:00:07.0            xHCI Host Controller
        1-2      001/003  0525:a4a0  480M   Vendor specific           -            rw      -         UDRV0004                udrv Source/sink data
        1-3      001/004  0409:55aa  12M    Hub                       hub          rw      -         314159-0000:00:07.0-3   QEMU USB Hub
        1-3.1    001/005  0627:0001  12M    HID boot keyboard         usbhid       rw      -         68284-0000:00:07.0-3.1  QEMU USB Keyboard
        1-4      001/002  46f4:0001  480M   Mass storage (SCSI, BOT)  usb-storage  rw      /dev/sda  UDRV0002                QEMU USB HARDDRIVE
        usb2     002/001  1d6b:0003  5G     Hub                       hub          rw      -         0000:00:07.0            xHCI Host Controller
        usb3     003/001  1d6b:0002  480M   Hub                       hub          rw      -         dummy_hcd.0             Dummy host controller
        3-1      003/002  0525:a4a0  480M   Vendor specific           -            rw      -         UDRV0003                udrv Gadget Zero
      `,
    ],
    [
      '--sim usb list --tree',
      text`
        DEVICE              DEV  ID         SPEED  DRIVER       NAME
        usb1                1    1d6b:0002  480M   xhci_hcd     xHCI Host Controller (8 ports)
        ├─ 1-0:1.0                                 hub          Hub
        ├─ 1-2              3    0525:a4a0  480M                udrv Source/sink data
        │  └─ 1-2:1.0                              -            Vendor specific
        ├─ 1-3              4    0409:55aa  12M                 QEMU USB Hub (8 ports)
        │  ├─ 1-3:1.0                              hub          Hub
        │  └─ 1-3.1         5    0627:0001  12M                 QEMU USB Keyboard
        │     └─ 1-3.1:1.0                         usbhid       HID boot keyboard
        └─ 1-4              2    46f4:0001  480M                QEMU USB HARDDRIVE
           └─ 1-4:1.0                              usb-storage  /dev/sda  Mass storage (SCSI, BOT)
        usb2                1    1d6b:0003  5G     xhci_hcd     xHCI Host Controller (1 port)
        └─ 2-0:1.0                                 hub          Hub
        usb3                1    1d6b:0002  480M   dummy_hcd    Dummy host controller (1 port)
        ├─ 3-0:1.0                                 hub          Hub
        └─ 3-1              2    0525:a4a0  480M                udrv Gadget Zero
           └─ 3-1:1.0                              -            Vendor specific
      `,
    ],
    // A part of the tree begins where it begins.
    ['--sim usb list -t 1-3.1', /^DEVICE .*\n1-3\.1 .*\n└─ 1-3\.1:1\.0 +usbhid +HID boot keyboard\n$/],
    ['--sim usb list -q -d 46f4:0001', '1-4\n'],
    ['--sim usb list -q -d 1D6B:', 'usb1\nusb2\nusb3\n'],
    ['--sim usb list -q -d :1', '1-3.1\n1-4\n'],
    ['--sim usb list -q --id 0x525:0xa4a0', '1-2\n3-1\n'],
    ['--sim usb list -q -s 1:3', '1-2\n'],
    ['--sim usb list -q -s 001:003', '1-2\n'],
    ['--sim usb list -q -s 1', 'usb1\nusb2\nusb3\n'],
    ['--sim usb list -q -s :2', '1-4\n3-1\n'],
    ['--sim usb list -q -s 2:', 'usb2\n'],
    ['--sim usb list -q -s 1: -d 1d6b:', 'usb1\n'],
    ['--sim usb list -q 1-3 usb2', '1-3\nusb2\n'],
  ]);

  test.concurrent('JSON is the document that list has, filtered', async () => {
    const all = JSON.parse((await udrv('--sim list --type usb --json')).stdout);
    expect(JSON.parse((await udrv('--sim usb list --json')).stdout)).toEqual(all);
    const { devices } = JSON.parse((await udrv('--sim usb list --json --tree -s 1:2')).stdout);
    expect(devices).toEqual(all.devices.filter(({ address }: { address: string }) => address === '1-4'));
  });

  cliFails(3, [
    ['--sim usb list -d 1234:5678', '-d 1234:5678: no such device (ENODEV)', 'udrv --sim usb list shows what there is'],
    ['--sim usb list -s 1:77', '-s 1:77: no such device (ENODEV)', 'udrv --sim usb list shows what there is'],
    [
      '--sim usb list -t -d 1d6b: -s 7',
      '-d 1d6b: -s :7: no such device (ENODEV)',
      'udrv --sim usb list shows what there is',
    ],
    ['--sim usb list uio0', 'uio0: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
  ]);
  const ids = 'write VID:PID in hex, as in 1d6b:0002; either may be left out';
  const numbers = 'write BUS:DEV, BUS: or DEV, decimal, as in 1:2';
  cliFails(2, [
    ['--sim usb list -d 1d6b', '1d6b: is not a vendor and product id', ids],
    ['--sim usb list -d :', ':: is not a vendor and product id', ids],
    ['--sim usb list -d 12345:', '12345:: is not a vendor and product id', ids],
    ['--sim usb list -s 0x1:2', '0x1:2: is not a bus and device number', numbers],
    ['--sim usb list -s :', ':: is not a bus and device number', numbers],
  ]);
});

describe('usb show', () => {
  cliPasses([
    [
      '--sim usb show 1-3.1',
      new RegExp(
        text`
          1-3.1  0627:0001  QEMU USB Keyboard
            speed   12 Mbit/s
            driver  usbhid
            node    /dev/bus/usb/001/005 (you may read and write)
          Device
            bcdUSB              2.00
            bDeviceClass        0x00    defined by the interfaces
            bDeviceSubClass     0x00
            bDeviceProtocol     0x00
            bMaxPacketSize0     8
            idVendor            0x0627  Adomax Technology Co., Ltd
            idProduct           0x0001  QEMU Tablet
            bcdDevice           0.00
            iManufacturer       1       QEMU
            iProduct            4       QEMU USB Keyboard
            iSerialNumber       11      68284-0000:00:07.0-3.1
            bNumConfigurations  1
          Configuration 1 (active)
            wTotalLength         34
            bNumInterfaces       1
            bConfigurationValue  1
            iConfiguration       8     HID Keyboard
            bmAttributes         0xa0  bus powered, remote wakeup
            bMaxPower            50    100 mA
            Interface 0
              bInterfaceNumber    0
              bAlternateSetting   0
              bNumEndpoints       1
              bInterfaceClass     0x03  HID
              bInterfaceSubClass  0x01
              bInterfaceProtocol  0x01  HID boot keyboard
              iInterface          0
              HID
                bcdHID                            1.11
                bCountryCode                      0     not localized
                bNumDescriptors                   1
                descriptors[0].bDescriptorType    0x22  report
                descriptors[0].wDescriptorLength  63
                Report descriptor
                  05 01           Usage Page 0x01  Generic Desktop
                  09 06           Usage 0x06  Keyboard
                  a1 01           Collection Application
        `.replace(/[()[\].]/g, '\\$&'),
      ),
    ],
    // The second configuration is shown too; the BOS, and the companion, of a root hub.
    ['--sim usb show 1-2', /^Configuration 1 \(active\)$[\s\S]*^Configuration 2$/m],
    [
      '--sim usb show usb2',
      /SuperSpeed endpoint companion[\s\S]*^Binary object store$[\s\S]*SuperSpeed USB capability/m,
    ],
    // Facts that only the opened device tells.
    [
      '--sim usb show 1-3 --open',
      /^Hub$[\s\S]*^ {2}Port 1\n {4}port +1\n {4}wPortStatus +0x0103 +connected, enabled, powered, full speed$[\s\S]*^Strings$[\s\S]*^ {2}0x0409 +2 {2}QEMU USB Hub$/m,
    ],
    ['--sim usb show 1-2 --open', /^Not answered$[\s\S]*^ {2}debug descriptor: the device has none \(stall\)$/m],
    [
      '--sim usb show 1-3.1 --raw',
      text`
        # descriptors
        120100020000000827060100000001040b01
        09022200010108a032
        090400000103010100
        092111010001223f00
        0705810308000a
        # 1-3.1:1.0 report_descriptor
        05010906a10175019508050719e029e715002501810295017508810195057501050819012905910295017503910195067508150025ff0507190029ff8100c0
      `,
    ],
  ]);

  test.concurrent('length and type of descriptors are shown with -v only', async () => {
    const [short, long] = await Promise.all(['', '-v '].map((more) => udrv(`--sim ${more}usb show usb2`)));
    const header = /^ *(?:bLength|bDescriptorType|bDevCapabilityType) .*\n/gm;
    expect(short?.stdout).not.toMatch(header);
    // Both of each of its seven descriptors, and the type of its capability.
    expect(long?.stdout.match(header)).toHaveLength(15);
  });

  test.concurrent('on a terminal lines are broken between words, in a pipe not', async () => {
    const [wide, narrow] = await Promise.all([
      udrv('--sim usb show 1-3 --open'),
      onTerminal('--sim --color never usb show 1-3 --open'),
    ]);
    expect(wide?.stdout).toMatch(/^ {2}wHubCharacteristics .{60,}$/m);
    const lines = narrow?.stdout.split('\r\n') ?? [];
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const words = (text = '') => text.trim().split(/\s+/);
    expect(words(narrow?.stdout)).toEqual(words(wide?.stdout));
  });

  test.concurrent('JSON has the fields of the device, and its descriptors by the names of the specification', async () => {
    const [shown, listed] = await Promise.all([udrv('--sim usb show 1-2 --json'), udrv('--sim show 1-2 --json')]);
    const document = JSON.parse(shown.stdout);
    const { schema: _, ...device } = JSON.parse(listed.stdout);
    expect(document).toMatchObject(device);
    expect(document).toMatchObject({ schema: 'udrv.usb.descriptors/1', bos: null, notes: [], opened: null });
    expect(document.descriptors.map(({ descriptor }: { descriptor: string }) => descriptor)).toEqual([
      'device',
      'configuration',
      'configuration',
    ]);
    expect(document.descriptors[1].children[1].children[2]).toEqual({
      descriptor: 'endpoint',
      bLength: 7,
      bDescriptorType: 5,
      bEndpointAddress: 0x82,
      bmAttributes: 1,
      wMaxPacketSize: 1024,
      bInterval: 4,
      means: {
        bEndpointAddress: 'EP 2 in',
        bmAttributes: ['isochronous', 'not synchronized', 'data'],
        wMaxPacketSize: '1024 bytes',
        bInterval: 'every 1 ms',
      },
    });
  });

  test.concurrent('JSON of --open has what the device answered', async () => {
    const { stdout } = await udrv('--sim usb show 1-2 --open --json');
    const { opened } = JSON.parse(stdout);
    expect(opened.strings).toContainEqual({ langId: 0x409, index: 3, text: 'UDRV0004' });
    expect(opened.unanswered).toContainEqual({ what: 'debug descriptor', code: 'EPIPE' });
    expect(opened.descriptors).toContainEqual(expect.objectContaining({ descriptor: 'deviceStatus', wStatus: 0 }));
  });

  test.concurrent('JSON of --raw is the bytes', async () => {
    const { stdout } = await udrv('--sim usb show usb2 --raw --json');
    expect(JSON.parse(stdout)).toEqual({
      schema: 'udrv.usb.raw/1',
      address: 'usb2',
      descriptors: expect.stringMatching(/^12010003/),
      bos: '050f0f00010a10030008000100' + '0000',
      reports: [],
    });
  });

  cliFails(3, [
    ['--sim usb show 9-9', '9-9: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
    ['--sim usb show 9-9 --open', '9-9: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
    [
      '--sim usb show uio0',
      'uio0: is no USB device but UIO (ENODEV)',
      'udrv --sim uio --help shows its commands; udrv --sim list --type usb shows the USB devices',
    ],
  ]);
});

describe('devices in a copied tree', () => {
  const show = async (
    name: string,
    attributes: Record<string, string | Buffer>,
    more: Record<string, string | Buffer> = {},
    options = '',
  ) => {
    const root = plant(join(directory, name), { ...usbDevice({ bConfigurationValue: '1\n', ...attributes }), ...more });
    return udrv(`--sysroot ${root} usb show 1-2 ${options}`.trim());
  };

  test.concurrent('a webcam', async () => {
    const { stdout, stderr, exit } = await show('webcam', { descriptors: WEBCAM, bos_descriptors: BOS });
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(/^ {4}Video frame, MJPEG$/m);
    expect(stdout).toMatch(/^ {6}dwFrameInterval\[0\] +333333 +33\.333 ms, 30 frames\/s$/m);
    expect(stdout).toMatch(/^ {6}guidFormat +32595559-0000-0010-8000-00aa00389b71 +YUY2$/m);
    expect(stdout).toMatch(/^ {2}WebUSB platform capability$/m);
  });

  test.concurrent('a report descriptor goes with the HID descriptor of its interface', async () => {
    const intf = 'sys/bus/usb/devices/1-2:1.0';
    const { stdout } = await show(
      'key',
      { descriptors: SECURITY_KEY },
      {
        [`${intf}/bAlternateSetting`]: ' 0\n',
        [`${intf}/0003:1234:5678.0001/report_descriptor`]: HID_REPORT,
      },
    );
    expect(stdout).toMatch(
      /^ {4}HID$[\s\S]*^ {6}Report descriptor\n {8}05 01 {11}Usage Page 0x01 {2}Generic Desktop$[\s\S]*^ {2}Interface 1$[\s\S]*^ {4}CCID$/m,
    );
  });

  test.concurrent('a report descriptor that the kernel has rewritten is told to be', async () => {
    const intf = 'sys/bus/usb/devices/1-2:1.0';
    const report = `${intf}/0003:1234:5678.0001/report_descriptor`;
    const alt = { [`${intf}/bAlternateSetting`]: ' 0\n' };
    const longer = Buffer.concat([HID_REPORT, HID_REPORT]);
    const rewritten = await show('rewritten', { descriptors: SECURITY_KEY }, { ...alt, [report]: longer });
    expect(rewritten.stdout).toMatch(
      /^ {6}note: the report descriptor in sysfs has \d+ bytes, wDescriptorLength is \d+: the kernel has rewritten it$/m,
    );
    const empty = await show('empty', { descriptors: SECURITY_KEY }, { ...alt, [report]: '' });
    expect(empty.stdout).toMatch(/^ {6}note: the report descriptor in sysfs is empty$/m);
    expect(empty.stdout).not.toMatch(/^ *Report descriptor$/m);
  });

  test.concurrent('a device that is not authorized', async () => {
    const attributes = { authorized: '0\n', bConfigurationValue: '\n', product: 'n/a (unauthorized)\n' };
    const root = plant(join(directory, 'unauthorized'), usbDevice({ ...attributes, descriptors: WEBCAM }));
    const sudo = process.geteuid?.() === 0 ? '' : 'sudo ';
    const command = `echo 1 | ${sudo}tee /sys/bus/usb/devices/1-2/authorized`;
    const [short, long] = await Promise.all(['show', 'usb show'].map((verb) => udrv(`--sysroot ${root} ${verb} 1-2`)));
    expect(short?.stdout).toMatch(/^1-2 {2}1234:5678 {2}USB device \[1234:5678\]$/m);
    expect(short?.stdout).toContain(`  configuration  not configured: not authorized; ${command}\n`);
    expect(long?.stdout).toContain(`\nnot authorized: ${command}\n`);
    const { stderr, exit } = await udrv(`--sysroot ${root} -n usb alt 1-2:0 0`);
    expect([stderr.split('\n')[0], exit]).toEqual([
      'udrv: 1-2: the device is not authorized, so that the kernel does not configure it (EPERM)',
      4,
    ]);
  });

  test.concurrent('drivers, packets and intervals in short', async () => {
    const device = 'sys/bus/usb/devices/1-2';
    const intf = (number: number, driver: string) => ({
      [`${device}:1.${number}/bAlternateSetting`]: number === 1 ? ' 1\n' : ' 0\n',
      [`${device}:1.${number}/driver`]: { link: `../../drivers/${driver}` },
    });
    const root = plant(join(directory, 'drivers'), {
      ...usbDevice({ bConfigurationValue: '1\n', descriptors: WEBCAM }),
      ...intf(0, 'uvcvideo'),
      ...intf(1, 'snd-usb-audio'),
    });
    const [list, shown, json] = await Promise.all(
      ['list', 'show 1-2', 'list --json'].map((command) => udrv(`--sysroot ${root} ${command}`)),
    );
    expect(list?.stdout).toMatch(/^usb +1-2 +1234:5678 +uvcvideo,snd-usb-audio +/m);
    expect(shown?.stdout).toMatch(/^ {2}driver +uvcvideo, snd-usb-audio$/m);
    expect(shown?.stdout).toMatch(/^0 +0 +0x83 +in +interrupt +16 +16 ms$/m);
    expect(shown?.stdout).toMatch(/^1 +1 +0x81 +in +isochronous +3 x 1024 +125 us$/m);
    const [found] = JSON.parse(json?.stdout ?? '').devices;
    expect([found.driver, found.drivers]).toEqual([null, ['uvcvideo', 'snd-usb-audio']]);
    expect(found.usb.interfaces[2].endpoints).toEqual([
      {
        address: '0x81',
        direction: 'in',
        type: 'isochronous',
        maxPacketSize: 1024,
        packets: 3,
        bytesPerInterval: 3072,
        interval: 1,
        intervalUs: 125,
      },
    ]);
  });

  test.concurrent('a report descriptor is found where the HID descriptor stands behind the endpoint', async () => {
    const descriptors = Buffer.from(
      '120100020000000834127856000100000001' + '0902220001010080320904000001030000000705810308000a092111010001220400',
      'hex',
    );
    const intf = 'sys/bus/usb/devices/1-2:1.0';
    const files = {
      [`${intf}/bAlternateSetting`]: ' 0\n',
      [`${intf}/0003:1234:5678.0001/report_descriptor`]: Buffer.from('a101c0', 'hex'),
    };
    const { stdout } = await show('behind', { descriptors }, files);
    expect(stdout).toMatch(/^ {4}Endpoint 0x81$[\s\S]*^ {6}HID$[\s\S]*^ {8}Report descriptor\n {10}a1 01 /m);
    const raw = await show('behind-raw', { descriptors }, files, '--raw');
    expect(raw.stdout).toMatch(/^# 1-2:1\.0 report_descriptor\na101c0$/m);
  });

  test.concurrent('hostile strings are escaped', async () => {
    const { stdout } = await show('hostile', {
      descriptors: WEBCAM,
      product: 'evil\x1b]0;title\x07\n',
      manufacturer: 'm\u202e',
    });
    expect(stdout).toContain('evil\\x1b]0;title\\x07');
    expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f\u202e]/);
  });

  test.concurrent('no descriptors, or broken ones, are no failure', async () => {
    expect(await show('none', {})).toMatchObject({ exit: 0, stdout: expect.stringContaining('no descriptors') });
    const cut = await show('cut', { descriptors: WEBCAM.subarray(0, 100) });
    expect(cut.exit).toBe(0);
    expect(cut.stdout).toMatch(/^note: \d+ bytes at the end are no descriptor$/m);
    const { exit, stdout } = await show('zeros', { descriptors: Buffer.alloc(70_000) });
    expect(exit).toBe(0);
    expect(stdout).toContain('note: 70000 bytes at the end are no descriptor');
  });
});
