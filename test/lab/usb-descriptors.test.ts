import type { DescriptorJson } from '../../src/usb/decode/json';
import type { UsbDocument } from '../../src/usb/inspect/describe';
import { describeInLab } from './jest';
import type { Lab } from './lab';
import { type LsusbDescriptor, type LsusbField, parseLsusb, parseLsusbList, parseLsusbTree } from './lsusb';

// The descriptors of every device in the lab, against what usbutils says of the same device. What differs stands here.

const DEVICES = ['usb1', 'usb2', 'usb3', '1-3', '1-3.1', '1-3.2', '1-4', '1-5', '1-7', '3-1'];

/** The descriptors that lsusb opens the device for: hub, qualifier and status are `--open`'s. */
const ASKED = /^(Hub|Device Qualifier|Debug)/;

/** lsusb's names where they are not the specification's. */
const NAMES: Readonly<Record<string, string>> = {
  iSerialNumber: 'iSerial',
  bMaxPower: 'MaxPower',
  // The specification's former name, before the field grew to two bytes.
  wU2DevExitLat: 'bU2DevExitLat',
};

/**
 * Descriptors that lsusb (usbutils 014) gets wrong or prints in part, by their place, counted from 0.
 * The audio device has 4 as bInterfaceProtocol, which is no version of the audio class: lsusb then reads a feature
 * unit (subtype 6) as a selector unit and calls its end junk. Its header says version 1.0, and so does everything else.
 */
const MISREAD: Readonly<Record<string, number[]>> = { '1-5': [5] };

/** Strings that only the opened device tells: sysfs has those of the active configuration and its current settings. */
const STRINGS_TO_OPEN_FOR: Readonly<Record<string, string[]>> = {
  '1-5': ['iTerminal 6', 'iTerminal 8', 'iInterface 10'],
  '3-1': ['iInterface 4'],
};

/** Facts that udrv decodes and lsusb does not. */
const BEYOND_LSUSB: readonly [
  device: string,
  what: string,
  path: (document: UsbDocument) => unknown,
  expected: unknown,
][] = [
  [
    '1-3.2',
    'the report descriptor of a bound HID device (lsusb: ** UNAVAILABLE **)',
    (document) =>
      flat(document)
        .find(({ report }) => report !== undefined)
        ?.report?.items.slice(0, 4),
    [
      { depth: 0, bytes: '0501', tag: 'Usage Page', value: 1, means: 'Generic Desktop' },
      { depth: 0, bytes: '0902', tag: 'Usage', value: 2, means: 'Mouse' },
      { depth: 0, bytes: 'a101', tag: 'Collection', value: 1, means: 'Application' },
      { depth: 1, bytes: '0901', tag: 'Usage', value: 1, means: 'Pointer' },
    ],
  ],
  [
    'usb1',
    'what an interval is at the speed of the device: 2^11 microframes (lsusb: 12)',
    (document) => flat(document).at(-1)?.means?.['bInterval'],
    'every 256 ms',
  ],
  [
    '1-5',
    'the feature unit of an audio device with an unknown protocol (lsusb: a selector unit and junk)',
    (document) => flat(document).find(({ descriptor }) => descriptor === 'uac1.featureUnit')?.['bmaControls'],
    [1, 2, 2],
  ],
  [
    'usb2',
    'the SuperSpeed companion in full (lsusb: bMaxBurst alone)',
    (document) => flat(document).find(({ descriptor }) => descriptor === 'superSpeedEndpointCompanion'),
    {
      descriptor: 'superSpeedEndpointCompanion',
      bLength: 6,
      bDescriptorType: 0x30,
      bMaxBurst: 0,
      bmAttributes: 0,
      wBytesPerInterval: 2,
      means: { bMaxBurst: '1 packet in a burst' },
    },
  ],
];

describeInLab('USB descriptors', (lab, kernel) => {
  const udrv = async (args: string) => {
    const { stdout, stderr, code } = await lab().run(`udrv ${args}`);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    return stdout;
  };
  const listed = async (args = '') => JSON.parse(await udrv(`usb list --json ${args}`)).devices as UsbDocument[];
  const shown = async (device: string) => JSON.parse(await udrv(`usb show --json ${device}`)) as UsbDocument;
  let verbose: Promise<Map<string, LsusbDescriptor[]>> | undefined;
  const lsusb = async ({ usb }: UsbDocument) => {
    verbose ??= lab()
      .run('lsusb -v 2>/dev/null')
      .then(({ stdout }) => parseLsusb(stdout));
    return (await verbose).get(`${usb.bus}/${usb.device}`) ?? [];
  };

  test('usb list has the devices that lsusb has, by the same numbers and names', async () => {
    const theirs = parseLsusbList((await lab().run('lsusb')).stdout);
    const ours = (await listed()).map(({ vendorId, deviceId, usb }) => ({
      bus: usb.bus,
      device: usb.device,
      id: `${vendorId}:${deviceId}`,
      name: `${usb.manufacturer} ${usb.product}`,
    }));
    expect(ours.sort(byNumber)).toEqual(theirs.sort(byNumber));
    expect(ours).toHaveLength(DEVICES.length);
  });

  test.each(['-d 46f4:', '-d 1d6b:0002', '-s 1:', '-s 3:2', '-s :2', '-s 2'])(
    '%s chooses what lsusb chooses',
    async (option) => {
      const theirs = parseLsusbList((await lab().run(`lsusb ${option}`)).stdout);
      expect(theirs.length).toBeGreaterThan(0);
      const ours = (await listed(option)).map(({ usb }) => `${usb.bus}/${usb.device}`);
      expect(ours.sort()).toEqual(theirs.map(({ bus, device }) => `${bus}/${device}`).sort());
    },
  );

  test('--tree has the interfaces, drivers and speeds of lsusb -t', async () => {
    const theirs = parseLsusbTree((await lab().run('lsusb -t')).stdout);
    const ours = (await listed())
      .filter(({ usb }) => usb.ports.length > 0)
      .flatMap(({ usb }) =>
        usb.interfaces
          .filter(({ active }) => active)
          .map((i) => ({
            device: usb.device,
            interface: i.number,
            driver: i.driver ?? '',
            speed: `${usb.speedMbps}M`,
          })),
      );
    const key = (line: object) => JSON.stringify(line);
    expect(ours.map(key).sort()).toEqual(theirs.map(key).sort());
    const tree = await udrv('usb list --tree');
    expect(tree).toMatch(/^usb1 .* 480M +xhci_hcd .*\(8 ports\)$/m);
    expect(tree).toMatch(/^├─ 1-3 .*\n│ {2}├─ 1-3:1\.0 +hub +Hub\n│ {2}├─ 1-3\.1 /m);
    expect(tree).toMatch(/1-4 .*\n│ {2}└─ 1-4:1\.0 +usb-storage +\/dev\/sda {2}Mass storage \(SCSI, BOT\)$/m);
    for (const { driver } of theirs) expect(tree).toContain(driver);
  });

  test.each(DEVICES)('usb show %s has every field of lsusb -v', async (device) => {
    const document = await shown(device);
    const theirs = (await lsusb(document)).filter(({ title }) => !ASKED.test(title));
    // lsusb opens the device for the BOS; sysfs has it in newer kernels.
    const bosIsUnknown = document.bos === null;
    if (device === 'usb2') expect(bosIsUnknown).toBe(kernel === 'stock');
    const inBos = ({ title, fields }: LsusbDescriptor) =>
      title === 'Binary Object Store' || fields.some(({ name }) => name === 'bDevCapabilityType');
    const compared = theirs.filter((descriptor) => !bosIsUnknown || !inBos(descriptor));
    const skipped = MISREAD[device] ?? [];
    const ours = asLsusb(document);
    expect(compared.length).toBeGreaterThan(3);
    const values = (all: readonly { fields: readonly { name: string; value: number }[] }[]) =>
      all.map(({ fields }, i) =>
        skipped.includes(i) ? 'misread' : fields.map(({ name, value }) => `${name} ${value}`),
      );
    expect(values(ours)).toEqual(values(compared));
    // Beside the numbers: strings.
    const missing: string[] = [];
    for (const [i, { fields }] of compared.entries())
      for (const [j, { name, value, means }] of fields.entries()) {
        if (!/^i[A-Z]/.test(name) || value === 0 || skipped.includes(i)) continue;
        const text = ours[i]?.fields[j]?.means;
        if (text === undefined || text === '') missing.push(`${name} ${value}`);
        else expect([device, name, text]).toEqual([device, name, means]);
      }
    expect(missing).toEqual(STRINGS_TO_OPEN_FOR[device] ?? []);
  });

  test.each(DEVICES)('usb show %s says of endpoints what lsusb -v says', async (device) => {
    const document = await shown(device);
    const theirs = (await lsusb(document)).filter(({ title }) => title === 'Endpoint');
    const ours = flat(document).filter(({ descriptor }) => descriptor === 'endpoint');
    expect(ours.map(({ means }) => means?.['bEndpointAddress'])).toEqual(
      theirs.map(({ fields }) => meaningOf(fields, 'bEndpointAddress').toLowerCase().replace('ep', 'EP')),
    );
    expect(ours.map(({ means }) => means?.['wMaxPacketSize'])).toEqual(
      theirs.map(({ fields }) => meaningOf(fields, 'wMaxPacketSize').replace(/^1x /, '')),
    );
  });

  test.each(BEYOND_LSUSB)('%s: %s', async (device, _, pick, expected) => {
    expect(pick(await shown(device))).toEqual(expected);
  });

  test('the text has every field of the JSON', async () => {
    const text = await udrv('usb show 1-5 -v');
    for (const descriptor of flat(await shown('1-5')))
      for (const { name } of fieldsOf(descriptor)) expect(text).toContain(name.replace(/\(\d+\)$/, ''));
  });

  test('--raw is what sysfs has', async () => {
    const { stdout } = await lab().run(
      'udrv usb show 1-3.1 --raw | sed -n "/^# descriptors/,/^# /p" | grep -v "#" | tr -d "\\n"',
    );
    const { stdout: sysfs } = await lab().run('od -An -v -tx1 /sys/bus/usb/devices/1-3.1/descriptors | tr -d " \\n"');
    expect(stdout).toBe(sysfs);
  });

  test('an ordinary user sees the same, but for what he may do', async () => {
    const { stdout, code } = await lab().run('udrv usb show 1-3.1', { user: true });
    expect(code).toBe(0);
    expect(stdout).toContain('(you may not open it)');
    expect(stdout.replace('may not open it', 'may read and write')).toBe(await udrv('usb show 1-3.1'));
  });

  test('shows what is plugged in, and no more once it is gone', async () => {
    await plugged(lab(), 'usb-mouse', async () => {
      expect(await udrv('usb show 1-6')).toMatch(
        /05 01 +Usage Page 0x01 {2}Generic Desktop\n +09 02 +Usage 0x02 {2}Mouse/,
      );
    });
    expect((await lab().run('udrv usb show 1-6')).code).toBe(3);
  });

  test.each([
    ['usb-ccid', ['ccid']],
    ['usb-mtp,rootdir=/usr/share', ['interface', 'endpoint']],
    ['usb-net', ['cdc.header', 'cdc.callManagement', 'cdc.union', 'cdc.ethernet']],
    ['usb-wacom-tablet', ['hid']],
  ])('a %s has its class descriptors', async (driver, ids) => {
    const all = flat(await plugged(lab(), driver, () => shown('1-6'))).map(({ descriptor }) => descriptor);
    expect(all).toEqual(expect.arrayContaining(ids));
    expect(all).not.toContain('unknown');
    expect(all).not.toContain('classSpecific');
  });

  // Classes as the kernel's own gadgets have them. The built kernel has gadget zero alone.
  if (kernel === 'stock')
    test.each([
      ['acm', ['cdc.header', 'cdc.callManagement', 'cdc.acm', 'cdc.union']],
      ['ncm', ['cdc.header', 'cdc.union', 'cdc.ethernet', 'cdc.ncm']],
      ['hid', ['hid']],
      ['midi', ['midi.header', 'midi.inJack', 'midi.outJack', 'midi.endpoint']],
      ['printer', []],
    ])('a gadget of %s has every field of lsusb -v, in the same order', async (name, ids) => {
      const address = await makeGadget(lab(), name);
      const document = await shown(address);
      const { bus, device } = document.usb;
      const { stdout } = await lab().run(`lsusb -v -s ${bus}:${device} 2>/dev/null`);
      const theirs = (parseLsusb(stdout).get(`${bus}/${device}`) ?? [])
        .filter(({ title }) => !ASKED.test(title))
        .flatMap(({ fields }) => fields);
      const ours = asLsusb(document).flatMap(({ fields }) => fields);
      expect(theirs.length).toBeGreaterThan(40);
      // lsusb leaves out the lengths and types of CDC: what it has must be there, in its order.
      let at = 0;
      for (const { name: field, value } of theirs) {
        const names = [field, OLDER_NAMES[field] ?? field].map((either) => either.toLowerCase());
        const found = ours.findIndex(
          (have, i) => i >= at && names.includes(have.name.toLowerCase()) && have.value === value,
        );
        expect({ field, value, found: found >= 0 }).toEqual({ field, value, found: true });
        at = found + 1;
      }
      expect(flat(document).map(({ descriptor }) => descriptor)).toEqual(expect.arrayContaining(ids));
      for (const found of flat(document))
        expect([found.descriptor, found.notes, found.rest]).toEqual([found.descriptor, undefined, undefined]);
    });
});

/** lsusb's names of fields that the specifications call otherwise, or that stand in a group here. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  bMasterInterface: 'bControlInterface',
  bSlaveInterface: 'bSubordinateInterface(0)',
  bcdADC: 'bcdMSC',
  'baSourceID(0)': 'baSourceID',
};

/** Takes gadget zero's place on the emulated controller. @returns the address of the device */
async function makeGadget(lab: Lab, name: string): Promise<string> {
  const { stdout, stderr, code } = await lab.run(
    `set -e
    cd /sys/kernel/config/usb_gadget
    for other in */; do echo > $other/UDC || true; done 2>/dev/null
    modprobe usb_f_${name}
    mkdir -p ${name}/strings/0x409 ${name}/configs/c.1 ${name}/functions/${name}.0
    echo 0x1d6b > ${name}/idVendor
    if [ ${name} = hid ]; then
      echo 8 > ${name}/functions/hid.0/report_length
      printf '\\x05\\x01\\x09\\x06\\xa1\\x01\\xc0' > ${name}/functions/hid.0/report_desc
    fi
    ln -s $PWD/${name}/functions/${name}.0 ${name}/configs/c.1
    while [ -e /sys/bus/usb/devices/3-1 ]; do sleep 0.05; done
    ls /sys/class/udc > ${name}/UDC
    until ls -d /sys/bus/usb/devices/3-1:* >/dev/null 2>&1; do sleep 0.05; done
    sleep 0.5`,
    { timeoutMs: 50_000 },
  );
  expect({ stdout, stderr, code }).toEqual({ stdout: '', stderr: '', code: 0 });
  return '3-1';
}

/** Plugs a device into port 6 for as long as `use` lasts. */
async function plugged<T>(lab: Lab, driver: string, use: () => Promise<T>): Promise<T> {
  const [name = '', ...options] = driver.split(',');
  const more = Object.fromEntries(options.map((option) => option.split('=')));
  await lab.qmp('device_add', { driver: name, id: 'plugged', bus: 'xhci.0', port: '6', ...more });
  try {
    await lab.run(
      'until [ -e /sys/bus/usb/devices/1-6/bConfigurationValue ] && ls -d /sys/bus/usb/devices/1-6:*; do sleep 0.05; done; sleep 0.5',
      { timeoutMs: 20_000 },
    );
    return await use();
  } finally {
    await lab.qmp('device_del', { id: 'plugged' });
    await lab.run('while [ -e /sys/bus/usb/devices/1-6 ]; do sleep 0.05; done', { timeoutMs: 20_000 });
  }
}

/** In the order of the bytes. */
function flat({ descriptors, bos }: Pick<UsbDocument, 'descriptors' | 'bos'>): DescriptorJson[] {
  const found: DescriptorJson[] = [];
  const walk = (descriptor: DescriptorJson) => {
    found.push(descriptor);
    descriptor.children?.forEach(walk);
  };
  descriptors.forEach(walk);
  bos?.forEach(walk);
  return found;
}

/** Returns the fields as lsusb shows them: lists item by item, power in mA, a companion's burst below its endpoint. */
function asLsusb(document: UsbDocument): { fields: LsusbField[] }[] {
  const found: { fields: LsusbField[] }[] = [];
  for (const descriptor of flat(document)) {
    const fields = fieldsOf(descriptor).map(({ name, value, means }) => ({
      name: NAMES[name] ?? name,
      value: name === 'bMaxPower' ? Number.parseInt(means, 10) : value,
      means,
    }));
    if (descriptor.descriptor === 'superSpeedEndpointCompanion')
      found.at(-1)?.fields.push(...fields.filter(({ name }) => name === 'bMaxBurst'));
    else found.push({ fields });
  }
  return found;
}

const NO_FIELDS = new Set(['descriptor', 'means', 'rest', 'notes', 'report', 'children']);

function fieldsOf(
  descriptor: object,
  meanings: Readonly<Record<string, unknown>> = (descriptor as DescriptorJson).means ?? {},
): LsusbField[] {
  return Object.entries(descriptor).flatMap(([name, value]): LsusbField[] => {
    if (NO_FIELDS.has(name)) return [];
    if (typeof value === 'number') return [{ name, value, means: String(meanings[name] ?? '') }];
    if (!Array.isArray(value)) return [];
    return value.flatMap((item, i) =>
      typeof item === 'number' ? [{ name: `${name}(${i})`, value: item, means: '' }] : fieldsOf(item, {}),
    );
  });
}

function meaningOf(fields: readonly LsusbField[], name: string): string {
  return fields.find((field) => field.name === name)?.means ?? '';
}

function byNumber(a: { bus: number; device: number }, b: { bus: number; device: number }): number {
  return a.bus - b.bus || a.device - b.device;
}
