import fc from 'fast-check';
import { findDevice } from '../../../src/devices/select';
import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { traced } from '../../../src/sys/trace';
import { decodeVfio } from '../../../src/uapi/decode-vfio';
import { deviceFeature, VFIO_DEVICE_FEATURE, VFIO_DEVICE_FEATURE_PROBE } from '../../../src/uapi/vfio';
import { VfioDevice } from '../../../src/vfio/device/device';

test('mappings, interrupts and regions in words', () => {
  for (const backend of ['group', 'iommufd'] as const) {
    const lines: string[] = [];
    const { sys: machine } = simulatedMachine();
    const sys = traced(machine, (line) => lines.push(line), [decodeVfio]);
    const info = findDevice(sys, new NameDatabase(sys), '0000:00:03.0');
    if (info.framework !== 'vfio') throw new Error('the simulated edu has no VFIO driver');
    const device = VfioDevice.open(sys, info, { backend });
    const memory = sys.allocate(4096);
    device.iommu.map(0x100000n, memory, 4096, { read: true, write: true });
    device.iommu.unmap(0x100000n, 4096);
    const fd = sys.eventfd();
    device.irq('msi').enable(0, [fd]);
    device.irq('msi').trigger(0);
    sys.close(fd);
    device.close();
    const label = 'vfio-device 0000:00:03.0';
    const vaddr = `0x${memory.address.toString(16)}`;
    expect(lines).toEqual(
      expect.arrayContaining([
        `ioctl(${label}, VFIO_DEVICE_GET_REGION_INFO, {index: 0}) = {size: 1M, offset: 0x0, flags: read|write|mmap}`,
        `ioctl(${label}, VFIO_DEVICE_SET_IRQS, {index: msi, flags: eventfd|trigger, start: 0, count: 1, eventfds: [${fd}]}) = 0`,
        `ioctl(${label}, VFIO_DEVICE_SET_IRQS, {index: msi, flags: none|trigger, start: 0, count: 1}) = 0`,
        ...(backend === 'group'
          ? [
              'ioctl(vfio-container, VFIO_SET_IOMMU, type1v2) = 0',
              'ioctl(vfio-group 1, VFIO_GROUP_GET_STATUS) = {flags: viable}',
              `ioctl(vfio-container, VFIO_IOMMU_MAP_DMA, {vaddr: ${vaddr}, iova: 0x100000, size: 4K, flags: read|write}) = 0`,
              'ioctl(vfio-container, VFIO_IOMMU_UNMAP_DMA, {iova: 0x100000, size: 4K}) = {size: 4K}',
            ]
          : [
              'ioctl(iommufd, IOMMU_IOAS_ALLOC) = {ioas: 2}',
              `ioctl(iommufd, IOMMU_IOAS_MAP, {ioas: 2, vaddr: ${vaddr}, iova: 0x100000, size: 4K, flags: fixed|write|read}) = 0`,
              'ioctl(iommufd, IOMMU_IOAS_UNMAP, {ioas: 2, iova: 0x100000, size: 4K}) = {size: 4K}',
            ]),
      ]),
    );
  }
});

test('one number means different things on different nodes', () => {
  const argument = Buffer.alloc(64);
  expect(decodeVfio(0x3b71, argument, 'vfio-container')?.name).toBe('VFIO_IOMMU_MAP_DMA');
  expect(decodeVfio(0x3b70, argument, 'vfio-device vfio0')?.name).toBe('VFIO_DEVICE_GET_PCI_HOT_RESET_INFO');
  expect(decodeVfio(0x3b71, argument, 'uio0')).toBeNull();
});

test('buffers of any length and content do no more than throw, which the trace takes', () => {
  const labels = ['vfio-container', 'vfio-group 3', 'vfio-device vfio0', 'iommufd'];
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.integer({ min: 0x3b64, max: 0x3b8f }),
      fc.constantFrom(...labels),
      (bytes, request, label) => {
        try {
          const decoded = decodeVfio(request, Buffer.from(bytes), label);
          expect((decoded?.in ?? '').length).toBeLessThan(2000);
        } catch (error) {
          expect((error as NodeJS.ErrnoException).code).toMatch(/^ERR_(OUT_OF_RANGE|BUFFER_OUT_OF_BOUNDS)$/);
        }
      },
    ),
  );
});

test.each([
  [0, 'pci-vf-token'],
  [10, 'bus-master'],
  [11, 'dma-buf'],
  [13, 'zpci-error'],
  // A feature of a kernel that is newer than the table.
  [4000, '4000'],
])('feature %i is %s', (index, name) => {
  const struct = Buffer.alloc(deviceFeature.size);
  struct.writeUInt32LE(index | VFIO_DEVICE_FEATURE_PROBE, deviceFeature.flags);
  expect(decodeVfio(VFIO_DEVICE_FEATURE, struct, 'vfio-device 0000:00:03.0')).toMatchObject({
    in: `{feature: ${name}, flags: probe}`,
  });
});
