import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A sysfs copy of a machine with `count` PCI functions (every fourth on vfio-pci) and `count` USB devices. */
export function generateSysroot(root: string, count: number): void {
  const write = (path: string, files: Record<string, string | Buffer>) => {
    mkdirSync(join(root, path), { recursive: true });
    for (const [name, content] of Object.entries(files)) writeFileSync(join(root, path, name), content);
  };
  const link = (path: string, target: string) => symlinkSync(target, join(root, path));
  for (const dir of [
    'sys/bus/pci/devices',
    'sys/bus/pci/drivers/vfio-pci',
    'sys/bus/pci/drivers/nvme',
    'sys/bus/usb/devices',
    'sys/bus/usb/drivers/usbhid',
    'sys/kernel/iommu_groups',
  ])
    mkdirSync(join(root, dir), { recursive: true });

  for (let i = 0; i < count; i++) {
    const bdf = `${Math.floor(i / 8192)
      .toString(16)
      .padStart(
        4,
        '0',
      )}:${(Math.floor(i / 32) % 256).toString(16).padStart(2, '0')}:${(i % 32).toString(16).padStart(2, '0')}.0`;
    const dir = `sys/devices/pci0000:00/${bdf}`;
    write(dir, {
      vendor: '0x1234\n',
      device: `0x${(0x1000 + (i % 97)).toString(16)}\n`,
      class: '0x010802\n',
      revision: '0x10\n',
      subsystem_vendor: '0x1af4\n',
      subsystem_device: '0x1100\n',
      driver_override: '(null)\n',
      numa_node: '-1\n',
      irq: '11\n',
      resource: `${[`0x00000000fe${(i % 256).toString(16).padStart(2, '0')}0000 0x00000000fe${(i % 256).toString(16).padStart(2, '0')}ffff 0x0000000000040200`, ...new Array<string>(6).fill('0x0000000000000000 0x0000000000000000 0x0000000000000000')].join('\n')}\n`,
    });
    link(`${dir}/driver`, `../../../bus/pci/drivers/${i % 4 === 0 ? 'vfio-pci' : 'nvme'}`);
    link(`sys/bus/pci/devices/${bdf}`, `../../../devices/pci0000:00/${bdf}`);
    mkdirSync(join(root, `sys/kernel/iommu_groups/${i}/devices`), { recursive: true });
    link(`sys/kernel/iommu_groups/${i}/devices/${bdf}`, `../../../../devices/pci0000:00/${bdf}`);
    link(`${dir}/iommu_group`, `../../../kernel/iommu_groups/${i}`);
  }

  const descriptors = Buffer.from(
    '120100020000004034124578000101020301' +
      '09022200010100a032' +
      '090400000103010200' +
      '0921110100012234 00'.replace(' ', '') +
      '0705810304000a',
    'hex',
  );
  for (let i = 0; i < count; i++) {
    const bus = 1 + Math.floor(i / 120);
    const address = `${bus}-${1 + (i % 120)}`;
    const dir = `sys/devices/pci0000:00/usb${bus}/${address}`;
    write(dir, {
      idVendor: '1234\n',
      idProduct: '7845\n',
      busnum: `${bus}\n`,
      devnum: `${2 + (i % 120)}\n`,
      speed: '480\n',
      version: ' 2.00\n',
      bDeviceClass: '00\n',
      bConfigurationValue: '1\n',
      manufacturer: 'Generated\n',
      product: `Mouse ${i}\n`,
      serial: `G${i}\n`,
      descriptors,
    });
    write(`${dir}/${address}:1.0`, {
      bInterfaceNumber: '00\n',
      bAlternateSetting: ' 0\n',
      bInterfaceClass: '03\n',
      bInterfaceSubClass: '01\n',
      bInterfaceProtocol: '02\n',
      bNumEndpoints: '01\n',
    });
    link(`${dir}/${address}:1.0/driver`, '../../../../../bus/usb/drivers/usbhid');
    link(`sys/bus/usb/devices/${address}`, `../../../devices/pci0000:00/usb${bus}/${address}`);
    link(`sys/bus/usb/devices/${address}:1.0`, `../../../devices/pci0000:00/usb${bus}/${address}/${address}:1.0`);
  }
}
