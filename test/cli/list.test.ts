import { cliFails, cliPasses, type Outcome, text, udrv } from './udrv';

const HEADING = 'TYPE  ADDRESS       ID         DRIVER           NODE                     ACCESS  NAME';

describe('what is listed', () => {
  cliPasses([
    [
      '--sim list',
      text`
        ${HEADING}
        uio   uio0          1234:11e8  uio_pci_generic  /dev/uio0                rw      uio_pci_generic (QEMU edu)
        uio   uio1          -          uio_pdrv_genirq  /dev/uio1                rw      timer
        uio   uio2          1b36:0005  uio_pci_generic  /dev/uio2                rw      uio_pci_generic (Red Hat, Inc. QEMU PCI Test Device)
        uio   uio3          aecb:6250  aectc            /dev/uio3                rw      aectc (Adrienne Electronics Corporation VITC/LTC Timecode Reader card [PCI-VLTC/RDR])
        vfio  0000:00:03.0  1234:11e8  vfio-pci         /dev/vfio/devices/vfio0  rw      QEMU edu
        vfio  0000:02:01.0  1234:11e8  vfio-pci         /dev/vfio/devices/vfio1  rw      QEMU edu
        usb   usb1          1d6b:0002  hub              /dev/bus/usb/001/001     rw      xHCI Host Controller
        usb   1-2           0525:a4a0  -                /dev/bus/usb/001/003     rw      udrv Source/sink data
        usb   1-3           0409:55aa  hub              /dev/bus/usb/001/004     rw      QEMU USB Hub
        usb   1-3.1         0627:0001  usbhid           /dev/bus/usb/001/005     rw      QEMU USB Keyboard
        usb   1-4           46f4:0001  usb-storage      /dev/bus/usb/001/002     rw      QEMU USB HARDDRIVE
        usb   usb2          1d6b:0003  hub              /dev/bus/usb/002/001     rw      xHCI Host Controller
        usb   usb3          1d6b:0002  hub              /dev/bus/usb/003/001     rw      Dummy host controller
        usb   3-1           0525:a4a0  -                /dev/bus/usb/003/002     rw      udrv Gadget Zero
      `,
    ],
    ['--sim list -q --type uio', 'uio0\nuio1\nuio2\nuio3\n'],
    ['--sim list -q --type vfio', '0000:00:03.0\n0000:02:01.0\n'],
    ['--sim list -q --type usb', 'usb1\n1-2\n1-3\n1-3.1\n1-4\nusb2\nusb3\n3-1\n'],
    [
      '--sim list -q --type pci',
      text`
        0000:00:00.0
        0000:00:03.0
        0000:00:04.0
        0000:00:07.0
        0000:00:08.0
        0000:00:09.0
        0000:00:0a.0
        0000:00:0b.0
        0000:00:1f.0
        0000:00:1f.2
        0000:00:1f.3
        0000:01:00.0
        0000:02:01.0
        0000:02:02.0
      `,
    ],
    [
      // A UIO device's parent is there already, under its UIO name.
      '--sim list -q --all',
      text`
        uio0
        uio1
        uio2
        uio3
        0000:00:00.0
        0000:00:03.0
        0000:00:07.0
        0000:00:08.0
        0000:00:09.0
        0000:00:1f.0
        0000:00:1f.2
        0000:00:1f.3
        0000:01:00.0
        0000:02:01.0
        0000:02:02.0
        usb1
        1-2
        1-3
        1-3.1
        1-4
        usb2
        usb3
        3-1
      `,
    ],
    ['--sim uio list -q', 'uio0\nuio1\nuio2\nuio3\n'],
    // A flag of the command and one of the program in one.
    ['--sim list 1b36:0010 -aq', '0000:01:00.0\n'],
    [
      '--sim list 0000:00:04.0 0000:00:03.0 --type pci',
      text`
        TYPE  ADDRESS       ID         DRIVER           NODE                     ACCESS  USE  NAME
        pci   0000:00:04.0  1234:11e8  uio_pci_generic  -                        -       -    QEMU edu
        vfio  0000:00:03.0  1234:11e8  vfio-pci         /dev/vfio/devices/vfio0  rw      -    QEMU edu
      `,
    ],
  ]);
});

describe('a selector', () => {
  const prints = (selectors: string, addresses: string) =>
    [`--sim list -q ${selectors}`, `${addresses.replaceAll(' ', '\n')}\n`] as const;

  cliPasses([
    // Each line has another way to name nearly every device.
    prints(
      'uio0 /dev/uio3 timer 00:03.0 vfio1 nvme0n1 1-3.1:1.0 001/003 usb2 /dev/sda',
      'uio0 uio3 uio1 0000:00:03.0 0000:02:01.0 0000:01:00.0 1-3.1 1-2 usb2 1-4',
    ),
    prints(
      'aectc /dev/vfio/devices/vfio0 0000:02:01.0 /dev/nvme0n1 1-3.1 0525:A4A0 usb2 sda',
      'uio3 0000:00:03.0 0000:02:01.0 0000:01:00.0 1-3.1 1-2 3-1 usb2 1-4',
    ),
    prints('nvme0 sn:UDRV0003', '0000:01:00.0 3-1'),
    prints('/dev/nvme0 /dev/bus/usb/001/003', '0000:01:00.0 1-2'),
    // One that matches several is no error here.
    prints('uio_pci_generic', 'uio0 uio2'),
    prints('1234:11e8', 'uio0 0000:00:03.0 0000:02:01.0'),
    // Every PCI function, also the one that has a UIO name elsewhere.
    prints('--type pci 1234:11e8', '0000:00:03.0 0000:00:04.0 0000:02:01.0'),
    // A root hub's interface is named after its bus.
    prints('1-0:1.0', 'usb1'),
    // In the order given, each once.
    prints('usb1 uio0 1-2 uio0 001/003', 'usb1 uio0 1-2'),
  ]);

  const all = 'udrv --sim list --all shows what there is';
  cliFails(3, [
    ...['9-9', '1d6b:ffff', 'sn:', '001/099', '/', '/dev/..', '/dev/null', 'nvme0n1/..'].map(
      (selector) => [`--sim list ${selector}`, `${selector}: no such device (ENODEV)`, all] as const,
    ),
    [['--sim', 'list', ''], `'': no such device (ENODEV)`, all],
    ['--sim list uio9', 'uio9: no such device (ENODEV)', `did you mean one of uio0, uio1, uio2, uio3? ${all}`],
    ['--sim list 00:03.8', '00:03.8: no such device (ENODEV)', `did you mean 00:03.0? ${all}`],
    [['--sim', 'list', 'uio0\n'], 'uio0\\x0a: no such device (ENODEV)', `did you mean uio0? ${all}`],
    [['--sim', 'list', '\x1b[31m\u202e'], '\\x1b[31m\\u202e: no such device (ENODEV)', all],
    ['--sim list uio0 nothere', 'nothere: no such device (ENODEV)', all],
    ['--sim list uio0 --type usb', 'uio0: no such device (ENODEV)', all],
    ['--sim uio list 0000:00:03.0', '0000:00:03.0: no such device (ENODEV)', all],
    // Only a path below /dev is a node's; another one that ends in a device's name is not that device.
    ['--sim show /tmp/nvme0n1', '/tmp/nvme0n1: no such device (ENODEV)', all],
    ['--sim show ../../nvme0n1', '../../nvme0n1: no such device (ENODEV)', all],
    ['--sim show 1-2:9.9', '1-2:9.9: no such device (ENODEV)', all],
  ]);

  const one = 'name one by its address';
  cliFails(3, [
    [
      '--sim show 1234:11e8',
      '1234:11e8: matches 3 devices: uio0 (0000:00:04.0, 0xfe300000), 0000:00:03.0 (vfio-pci), 0000:02:01.0 (vfio-pci)',
      one,
    ],
    [
      '--sim show uio_pci_generic',
      'uio_pci_generic: matches 2 devices: uio0 (0000:00:04.0, 0xfe300000), uio2 (0000:00:0a.0, 0xfe408000)',
      one,
    ],
    [
      '--sim show sn:0000:00:07.0',
      'sn:0000:00:07.0: matches 2 devices: usb1 (sn:0000:00:07.0), usb2 (sn:0000:00:07.0)',
      one,
    ],
    [
      '--sim uio read uio_pci_generic map0 0',
      'uio_pci_generic: matches 2 devices: uio0 (0000:00:04.0, 0xfe300000), uio2 (0000:00:0a.0, 0xfe408000)',
      one,
    ],
  ]);
});

describe('as JSON', () => {
  const listed = (options: string) => udrv(`--sim --json list ${options}`).then(parsed);
  let whole: ReturnType<typeof listed> | undefined;
  const listedAll = () => {
    whole ??= listed('--all');
    return whole;
  };
  const parsed = ({ stdout, stderr, exit }: Outcome) => {
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    // One document on one line.
    expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
    return JSON.parse(stdout);
  };
  const byAddress = (document: { devices: { address: string }[] }, address: string): unknown =>
    document.devices.find((device) => device.address === address);

  const device = ['access', 'address', 'deviceId', 'driver', 'errors', 'framework', 'name', 'node', 'vendorId'];
  const region = ['address', 'kind', 'mmap', 'name', 'offset', 'read', 'size', 'write'];
  const parts: Record<string, string[]> = {
    uio: ['eventCount', 'irq', 'links', 'parent', 'parentBus', 'parentDevice', 'pciName', 'regions', 'version'],
    vfio: ['blockers', 'cdev', 'group', 'groupDevices', 'viable'],
    pci: ['class', 'className', 'driverOverride', 'iommuGroup', 'numaNode', 'regions', 'revision', 'subsystem'],
    usb: [
      'authorized',
      'bus',
      'class',
      'configuration',
      'device',
      'interfaces',
      'manufacturer',
      'ports',
      'product',
      'serial',
      'speedMbps',
      'usbVersion',
    ],
  };
  const setting = ['active', 'alt', 'class', 'className', 'driver', 'endpoints', 'number', 'protocol', 'subclass'];
  const endpoint = [
    'address',
    'bytesPerInterval',
    'direction',
    'interval',
    'intervalUs',
    'maxPacketSize',
    'packets',
    'type',
  ];
  const USES = ['kernelDevices', 'sriov'];
  const keys = (object: object) => Object.keys(object).sort();

  test.concurrent('with --all a disk and an interface are uses', async () => {
    const { stdout } = await udrv('--sim list --all --no-headings -o address,use --filter use');
    expect(stdout).toBe('0000:00:07.0  sda\n0000:01:00.0  nvme0n1\n');
    const document = await listedAll();
    expect(byAddress(document, '0000:01:00.0')).toMatchObject({
      pci: { sriov: null, kernelDevices: [{ kind: 'block', name: 'nvme0n1', state: null }] },
    });
  });

  test.concurrent('without --all there are no uses', async () => {
    expect((await udrv('--sim --json list')).stdout).not.toMatch(/kernelDevices|sriov/);
  });

  test.concurrent('every object has the fields of the contract and no others', async () => {
    const document = await listedAll();
    expect(Object.keys(document)).toEqual(['schema', 'devices']);
    expect(document.schema).toBe('udrv.list/1');
    const seen = new Set<string>();
    for (const one of document.devices) {
      const present =
        one.framework === 'vfio'
          ? ['pci', 'vfio']
          : one.framework === 'uio' && one.pci
            ? ['pci', 'uio']
            : [one.framework];
      seen.add(present.join());
      expect([one.address, keys(one)]).toEqual([
        one.address,
        [...device, ...(one.framework === 'usb' ? ['drivers'] : []), ...present].sort(),
      ]);
      for (const part of present) {
        // A list of all has the uses of a function too.
        const own = keys(one[part]).filter((key) => !(part === 'pci' && USES.includes(key)));
        expect([one.address, own]).toEqual([one.address, parts[part]]);
        if (part === 'pci') expect(keys(one[part])).toEqual(expect.arrayContaining(USES));
        for (const one_region of one[part].regions ?? [])
          expect(keys(one_region).filter((key) => key !== 'label')).toEqual(region);
        for (const intf of one[part].interfaces ?? []) {
          expect(keys(intf)).toEqual(setting);
          for (const ep of intf.endpoints) expect(keys(ep)).toEqual(endpoint);
        }
      }
    }
    expect([...seen].sort()).toEqual(['pci', 'pci,uio', 'pci,vfio', 'uio', 'usb']);
  });

  test.concurrent('a UIO device, a VFIO device, a PCI function and a USB device', async () => {
    const document = await listedAll();
    const timer = byAddress(document, 'uio1') as { uio: { eventCount: number } };
    expect(timer).toEqual({
      address: 'uio1',
      framework: 'uio',
      vendorId: null,
      deviceId: null,
      name: 'timer',
      driver: 'uio_pdrv_genirq',
      node: '/dev/uio1',
      access: 'rw',
      errors: [],
      uio: {
        version: 'devicetree',
        eventCount: expect.any(Number),
        irq: timer.uio.eventCount > 0 ? true : null,
        parent: null,
        parentBus: 'platform',
        parentDevice: 'fed60100.timer',
        pciName: null,
        links: [],
        regions: [
          expect.objectContaining({ name: 'map0', kind: 'mmio', address: '0xfed60000', offset: 0x100 }),
          {
            name: 'map1',
            label: 'buffer',
            kind: 'mmio',
            address: '0xfed70000',
            size: 4096,
            offset: 0,
            read: true,
            write: true,
            mmap: true,
          },
        ],
      },
    });
    expect(byAddress(document, '0000:02:01.0')).toMatchObject({
      framework: 'vfio',
      vendorId: '1234',
      deviceId: '11e8',
      node: '/dev/vfio/devices/vfio1',
      access: 'rw',
      vfio: {
        group: 7,
        cdev: 'vfio1',
        viable: false,
        blockers: ['0000:02:02.0'],
        groupDevices: ['0000:00:09.0', '0000:02:01.0', '0000:02:02.0'],
      },
      pci: { class: '0x00ff00', subsystem: '1af4:1100', iommuGroup: 7, driverOverride: 'vfio-pci', numaNode: null },
    });
    expect(byAddress(document, '0000:02:02.0')).toMatchObject({
      framework: 'pci',
      driver: 'virtio-pci',
      node: null,
      access: null,
      pci: {
        regions: [
          { name: 'bar0', kind: 'portio', address: '0xc000', size: 32, read: true, write: true, mmap: false },
          { name: 'bar1', kind: 'mmio', address: '0xfdf00000', size: 4096, mmap: true },
          { name: 'bar4', kind: 'mmio', address: '0xfe600000', size: 16384, mmap: true },
        ],
      },
    });
    expect(byAddress(document, '1-3.1')).toEqual({
      address: '1-3.1',
      framework: 'usb',
      vendorId: '0627',
      deviceId: '0001',
      name: 'QEMU USB Keyboard',
      driver: 'usbhid',
      drivers: ['usbhid'],
      node: '/dev/bus/usb/001/005',
      access: 'rw',
      errors: [],
      usb: {
        bus: 1,
        device: 5,
        ports: [3, 1],
        speedMbps: 12,
        usbVersion: '2.00',
        class: '00',
        manufacturer: 'QEMU',
        product: 'QEMU USB Keyboard',
        serial: '68284-0000:00:07.0-3.1',
        authorized: true,
        configuration: 1,
        interfaces: [
          {
            number: 0,
            alt: 0,
            active: true,
            class: '03',
            subclass: '01',
            protocol: '01',
            className: 'HID boot keyboard',
            driver: 'usbhid',
            endpoints: [
              {
                address: '0x81',
                direction: 'in',
                type: 'interrupt',
                maxPacketSize: 8,
                packets: 1,
                bytesPerInterval: 8,
                interval: 10,
                intervalUs: 10_000,
              },
            ],
          },
        ],
      },
    });
  });

  test.concurrent('text and JSON list the same, and quiet changes nothing in JSON', async () => {
    const addresses = (await listed('-q')).devices.map(({ address }: { address: string }) => address);
    expect((await udrv('--sim list -q')).stdout).toBe(addresses.map((address: string) => `${address}\n`).join(''));
  });

  test.concurrent('an interface has one entry for each alternate setting', async () => {
    const { devices } = await listed('1-2');
    expect(
      devices[0].usb.interfaces.map((i: { number: number; alt: number; active: boolean; endpoints: unknown[] }) => [
        i.number,
        i.alt,
        i.active,
        i.endpoints.length,
      ]),
    ).toEqual([
      [0, 0, true, 2],
      [0, 1, false, 4],
    ]);
  });

  test.concurrent('an ambiguous selector', async () => {
    const { stdout, stderr, exit } = await udrv('--sim --json show uio_pci_generic');
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 3 });
    expect(JSON.parse(stderr)).toEqual({
      error: {
        code: 'EAMBIGUOUS',
        message: 'uio_pci_generic: matches 2 devices: uio0 (0000:00:04.0, 0xfe300000), uio2 (0000:00:0a.0, 0xfe408000)',
        hint: 'name one by its address',
        device: 'uio_pci_generic',
        exit: 3,
      },
    });
  });
});
