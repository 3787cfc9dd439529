import { cliFails, cliPasses, text, udrv } from './udrv';

cliPasses([
  [
    '--sim bind 0000:00:03.0 uio_pci_generic --dry-run',
    text`
      echo 0000:00:03.0 > /sys/bus/pci/drivers/vfio-pci/unbind
      echo uio_pci_generic > /sys/bus/pci/devices/0000:00:03.0/driver_override
      echo 0000:00:03.0 > /sys/bus/pci/drivers/uio_pci_generic/bind
    `,
  ],
  // By the name of a disk, and the driver by its module's name.
  [
    '--sim bind -n nvme0n1 vfio_pci --json',
    text`
      {"schema":"udrv.steps/1","steps":["echo 0000:01:00.0 > /sys/bus/pci/drivers/nvme/unbind","echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override","echo 0000:01:00.0 > /sys/bus/pci/drivers/vfio-pci/bind"]}
    `,
  ],
  // The bridge of the group is left out; one of the two has the driver.
  [
    '--sim bind 0000:02:01.0 vfio-pci --group -n',
    text`
      echo 0000:02:02.0 > /sys/bus/pci/drivers/virtio-pci/unbind
      echo vfio-pci > /sys/bus/pci/devices/0000:02:02.0/driver_override
      echo 0000:02:02.0 > /sys/bus/pci/drivers/vfio-pci/bind
    `,
  ],
  // Several devices, one of them twice.
  [
    '--sim bind uio0 00:04.0 00:03.0 uio_pci_generic -n',
    text`
      echo 0000:00:03.0 > /sys/bus/pci/drivers/vfio-pci/unbind
      echo uio_pci_generic > /sys/bus/pci/devices/0000:00:03.0/driver_override
      echo 0000:00:03.0 > /sys/bus/pci/drivers/uio_pci_generic/bind
    `,
  ],
  ['--sim bind uio0 uio_pci_generic', '0000:00:04.0: uio_pci_generic, as before; /dev/uio0\n'],
  [
    '--sim unbind uio0 uio2',
    '0000:00:04.0: no driver, was uio_pci_generic\n0000:00:0a.0: no driver, was uio_pci_generic\n',
  ],
  ['--sim unbind uio0 -q', ''],
  ['--sim unbind uio0 -n', 'echo 0000:00:04.0 > /sys/bus/pci/drivers/uio_pci_generic/unbind\n'],
  // A platform device, by the name of its UIO device and by its own.
  [
    '--sim bind uio1 uio_pdrv_genirq -n',
    'echo uio_pdrv_genirq > /sys/bus/platform/devices/fed60100.timer/driver_override\n',
  ],
  ['--sim unbind fed60100.timer -n', 'echo fed60100.timer > /sys/bus/platform/drivers/uio_pdrv_genirq/unbind\n'],
  ['--sim unbind uio1', 'fed60100.timer: no driver, was uio_pdrv_genirq\n'],
  // The plan for a machine that is not here.
  [
    '--snapshot fixtures/lab.snapshot unbind 0000:00:04.0 -n',
    'echo 0000:00:04.0 > /sys/bus/pci/drivers/uio_pci_generic/unbind\n',
  ],
]);

test.concurrent('what it did not know, whom it leaves out, and what is not of use yet are remarks', async () => {
  expect(await udrv('--sim restore uio0 -n')).toEqual({
    stdout: text`
      echo 0000:00:04.0 > /sys/bus/pci/drivers/uio_pci_generic/unbind
      echo > /sys/bus/pci/devices/0000:00:04.0/driver_override
      echo 0000:00:04.0 > /sys/bus/pci/drivers_probe
    `,
    stderr: 'udrv: 0000:00:04.0: no earlier binding is recorded: the kernel chooses the driver\n',
    exit: 0,
  });
  expect(await udrv('--sim bind 0000:02:01.0 vfio-pci')).toMatchObject({
    stderr:
      'udrv: group 7 is not viable yet: blocked by 0000:02:02.0 (virtio-pci); udrv --sim bind 0000:02:01.0 vfio-pci --group\n',
    exit: 0,
  });
});

test.concurrent('-v shows each write, JSON is the devices as list has them', async () => {
  const { stdout, stderr, exit } = await udrv('--sim unbind uio0 --json -v');
  expect({ stderr, exit }).toEqual({
    stderr: 'udrv: echo 0000:00:04.0 > /sys/bus/pci/drivers/uio_pci_generic/unbind\n',
    exit: 0,
  });
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'udrv.list/1',
    devices: [{ address: '0000:00:04.0', framework: 'pci', driver: null, pci: { driverOverride: 'uio_pci_generic' } }],
  });
});

cliFails(2, [
  [
    '--snapshot fixtures/small.snapshot bind',
    "usage: missing required argument 'device'",
    'device: 0000:00:03.0, 0000:00:04.0; usage: udrv bind [options] <device...> <driver>',
  ],
  ['--sim bind vfio-pci 00:03.0', '00:03.0: is a device: name the driver last', 'udrv --sim bind DEVICE... DRIVER'],
  ['--sim bind 00:03.0 ../vfio-pci', '../vfio-pci: not a driver name', 'udrv --sim bind DEVICE... DRIVER'],
  [
    '--snapshot fixtures/lab.snapshot unbind 0000:00:04.0',
    /^udrv: .*\/driver_override: a recorded machine can only be inspected$/,
    'drop --snapshot to work with this machine',
  ],
]);

cliFails(3, [
  [
    '--sim bind 00:1e.0 vfio-pci',
    '00:1e.0: no such device (ENODEV)',
    'did you mean 00:1f.0? udrv --sim list --all shows what there is',
  ],
  ['--sim unbind 1-2', '1-2: is no PCI function (ENODEV)', 'udrv --sim list --type pci'],
]);

cliFails(5, [
  ['--sim bind 00:08.0 vfio-pci', '0000:00:08.0: refused: it is a bridge', '--force does it anyway'],
  ['--sim unbind 00:08.0 -n', '0000:00:08.0: refused: it is a bridge', '--force does it anyway'],
]);

cliFails(9, [
  [
    '--sim bind uio0 uio_pdrv_genirq',
    'uio_pdrv_genirq: is a driver of platform devices, and this is a PCI function',
    'a PCI function can have vfio-pci or uio_pci_generic; udrv --sim list --type platform shows the devices for it',
  ],
  [
    '--sim bind uio1 uio_pci_generic',
    'uio_pci_generic: is a driver of PCI functions, and this is a platform device',
    'a platform device can have uio_pdrv_genirq or vfio-platform; udrv --sim list --type pci shows the functions for it',
  ],
  ['--sim bind 00:03.0 vfio-pcy', 'vfio-pcy: no PCI driver of this name is loaded', 'perhaps vfio-pci is meant'],
]);
