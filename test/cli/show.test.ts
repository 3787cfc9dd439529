import { plant, scratch } from './tree';
import { cliFails, cliPasses, text, udrv } from './udrv';

const slotted = plant(scratch(), {
  'sys/bus/pci/devices/0000:01:00.0/vendor': '0x8086\n',
  'sys/bus/pci/devices/0000:01:00.0/device': '0x1533\n',
  'sys/bus/pci/devices/0000:01:00.0/class': '0x020000\n',
  'sys/bus/pci/devices/0000:01:00.0/irq': '16\n',
  'sys/bus/pci/devices/0000:01:00.0/modalias': 'pci:v00008086d00001533sv00000000sd00000000bc02sc00i00\n',
  'sys/bus/pci/slots/3/address': '0000:01:00\n',
  'proc/sys/kernel/osrelease': '6.1.0\n',
  'lib/modules/6.1.0/modules.alias': 'alias pci:v00008086d00001533sv*sd*bc*sc*i* igb\n',
});

cliPasses([
  [
    '--sim show uio0',
    text`
      uio0  1234:11e8  uio_pci_generic (QEMU edu)
        driver           uio_pci_generic
        node             /dev/uio0 (you may read and write)
        version          0.01.0
        interrupt        yes, 0 so far
        parent           0000:00:04.0
        class            Unclassified device (0x00ff00)
        revision         10
        subsystem        1af4:1100
        iommu group      2
        driver override  uio_pci_generic

      REGION  KIND  ADDRESS     SIZE  OFFSET  ACCESS
      map0    mmio  0xfe300000  1M    0x0     rw mmap
    `,
  ],
  [
    // A platform device: no ids, and sysfs does not tell whether it has an interrupt.
    '--sim uio show uio1',
    // The timer may have expired once by the time that it is looked at.
    new RegExp(
      `^${text`
      uio1  timer
        driver     uio_pdrv_genirq
        node       /dev/uio1 [(]you may read and write[)]
        version    devicetree
        interrupt  (?:not known from sysfs, 0|yes, 1) so far
        parent     fed60100.timer [(]platform[)]

      REGION  KIND  ADDRESS     SIZE  OFFSET  ACCESS   NAME
      map0    mmio  0xfed60000  4K    0x100   rw mmap  registers
      map1    mmio  0xfed70000  4K    0x0     rw mmap  buffer
    `}$`,
    ),
  ],
  [
    // No interrupt, and ports that the kernel's driver leaves out.
    '--sim uio show uio2',
    text`
      uio2  1b36:0005  uio_pci_generic (Red Hat, Inc. QEMU PCI Test Device)
        driver           uio_pci_generic
        node             /dev/uio2 (you may read and write)
        version          0.01.0
        interrupt        none, 0 so far
        parent           0000:00:0a.0
        class            Unclassified device (0x00ff00)
        revision         00
        subsystem        1af4:1100
        iommu group      10
        driver override  uio_pci_generic

      REGION  KIND    ADDRESS     SIZE  OFFSET  ACCESS
      map0    mmio    0xfe408000  4K    0x0     rw mmap
      bar1    portio  0xd000      256   0x0     rw
    `,
  ],
  [
    '--sim show 02:01.0',
    text`
      0000:02:01.0  1234:11e8  QEMU edu
        driver           vfio-pci
        node             /dev/vfio/devices/vfio1 (you may read and write)
        group            7: 0000:00:09.0, 0000:02:01.0, 0000:02:02.0
        viable           no: blocked by 0000:02:02.0
        cdev             vfio1
        iommu            dmar0 (Intel VT-d)
        reserved         0xfee00000-0xfeefffff msi
        for vfio         udrv --sim bind 0000:02:01.0 vfio-pci --group
        class            Unclassified device (0x00ff00)
        revision         10
        subsystem        1af4:1100
        iommu group      7
        driver override  vfio-pci
        irq              11
        power            D0
        reset            bus

      REGION  KIND  ADDRESS     SIZE  OFFSET  ACCESS
      bar0    mmio  0xfde00000  1M    0x0     rw mmap
    `,
  ],
  [
    '--sim show 0000:00:00.0',
    text`
      0000:00:00.0  8086:29c0  Intel Corporation 82G33/G31/P35/P31 Express DRAM Controller
        driver        none
        class         Host bridge (0x060000)
        revision      00
        subsystem     1af4:1100
        iommu group   0
        iommu         dmar0 (Intel VT-d)
        reserved      0xfee00000-0xfeefffff msi
        not for vfio  a bridge stays with the kernel
    `,
  ],
  [
    '--sim show nvme0n1',
    text`
      0000:01:00.0  1b36:0010  Red Hat, Inc. QEMU NVM Express Controller
        driver       nvme
        disks        nvme0n1
        class        NVMe controller (0x010802)
        revision     02
        subsystem    1af4:1100
        iommu group  9
        irq          20
        link         2.5 GT/s x1
        power        D0
        reset        flr, bus
        iommu        dmar0 (Intel VT-d)
        reserved     0xfee00000-0xfeefffff msi
        for vfio     udrv --sim bind 0000:01:00.0 vfio-pci

      REGION  KIND  ADDRESS     SIZE  OFFSET  ACCESS
      bar0    mmio  0xfe000000  16K   0x0     rw mmap
    `,
  ],
  [
    `--sysroot ${slotted} show 01:00.0`,
    text`
      0000:01:00.0  8086:1533  Ethernet controller [8086:1533]
        driver          none
        class           Ethernet controller (0x020000)
        slot            3
        irq             16
        kernel modules  igb
        not for vfio    no IOMMU group: the firmware describes no IOMMU
    `,
  ],
  [
    '--sim show 1-2',
    text`
      1-2  0525:a4a0  udrv Source/sink data
        driver         none
        node           /dev/bus/usb/001/003 (you may read and write)
        bus, device    1, 3
        ports          2
        speed          480 Mbit/s
        usb version    2.00
        manufacturer   udrv
        product        Source/sink data
        serial         UDRV0004
        configuration  1

      INTERFACE  ALT  CLASS     DRIVER  NAME
      0          0 *  ff/00/00  -       Vendor specific
      0          1    ff/00/00  -       Vendor specific

      INTERFACE  ALT  ENDPOINT  DIRECTION  TYPE         PACKET  INTERVAL
      0          0    0x81      in         bulk         512     -
      0          0    0x01      out        bulk         512     -
      0          1    0x81      in         bulk         512     -
      0          1    0x01      out        bulk         512     -
      0          1    0x82      in         isochronous  1024    1 ms
      0          1    0x02      out        isochronous  1024    1 ms
    `,
  ],
]);

test.concurrent('JSON is the object that list has for it, with more of a PCI function', async () => {
  const { devices } = JSON.parse((await udrv('--sim --json list uio0 00:03.0 00:00.0 1-2')).stdout);
  expect(devices.map((d: { framework: string }) => d.framework)).toEqual(['uio', 'vfio', 'pci', 'usb']);
  for (const device of devices) {
    const { stdout, stderr, exit } = await udrv(`--sim show ${device.address} --json`);
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    if (['vfio', 'pci'].includes(device.framework)) expect(JSON.parse(stdout)).toMatchObject(device);
    else expect(JSON.parse(stdout)).toEqual({ schema: 'udrv.show/1', ...device });
  }
});

cliFails(3, [
  ['--sim show 9-9', '9-9: no such device (ENODEV)', 'udrv --sim list --all shows what there is'],
  // A PCI function is not the UIO device that it has.
  ['--sim uio show 0000:00:04.0', '0000:00:04.0: is no UIO device but PCI (ENODEV)', 'its UIO device is uio0'],
  [
    '--sim uio show 0000:00:03.0',
    '0000:00:03.0: is no UIO device but VFIO (ENODEV)',
    'udrv --sim vfio --help shows its commands; udrv --sim list --type uio shows the UIO devices',
  ],
  [
    '--sim uio read 0000:01:00.0 map0 0',
    '0000:01:00.0: is no UIO device but PCI (ENODEV)',
    'udrv --sim show 0000:01:00.0 tells of it; udrv --sim list --type uio shows the UIO devices',
  ],
  [
    '--sim uio show 1-2',
    '1-2: is no UIO device but USB (ENODEV)',
    'udrv --sim usb --help shows its commands; udrv --sim list --type uio shows the UIO devices',
  ],
]);
