// The kernel refuses a device its address space: the cause, and the hint that mends it.
import { prepareBindings } from '../../../src/bind/bind';
import { SysError, UdrvError } from '../../../src/errors';
import type { VfioDeviceInfo } from '../../../src/model/device';
import { MemoryState } from '../../../src/sys/state';
import { attachFailed, bindFailed, noCdev, setContainerFailed, setIommuFailed } from '../../../src/vfio/errors';
import { whyNoGroup } from '../../../src/vfio/inspect/missing-group';
import { type Content, TreeSys } from '../../support/tree-sys';

const ADDRESS = '0000:04:00.1';
const DIR = `/sys/bus/pci/devices/${ADDRESS}`;
const GROUP = '/sys/kernel/iommu_groups/21';
const DIRECT = { [`${GROUP}/reserved_regions`]: '0xbddde000 0xbdddefff direct\n0xfee00000 0xfeefffff msi\n' };
const RELAXABLE = { [`${GROUP}/reserved_regions`]: '0xccd40000 0xccd5ffff direct-relaxable\n' };
const REMAPPED = { '/proc/interrupts': '  24:  1  2  IR-PCI-MSIX-0000:04:00.0    0-edge      eth0\n' };
const NOT_REMAPPED = { '/proc/interrupts': '   0:  1  2  IO-APIC   2-edge      timer\n' };
const VIRTUAL = { '/proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu vme hypervisor lahf_lm\n' };
const NEEDED =
  'the firmware requires 0xbddde000-0xbdddefff to stay mapped one to one (RMRR), so the kernel gives the group to no program';

const iommu = (name: string): Record<string, Content> => ({
  [`${DIR}/iommu`]: { link: `../../virtual/iommu/${name}` },
});

function device(viable = true): VfioDeviceInfo {
  return {
    address: ADDRESS,
    framework: 'vfio',
    driver: 'vfio-pci',
    vfio: { group: 21, cdev: 'vfio0', viable, blockers: [], groupDevices: [ADDRESS] },
  } as unknown as VfioDeviceInfo;
}

const calls = { setContainerFailed, setIommuFailed, bindFailed, attachFailed };

function refusal(call: keyof typeof calls, code: string, entries: Record<string, Content>): UdrvError {
  const sys = new TreeSys({ '/proc/1/maps': '', ...entries });
  const error = calls[call](sys, device(), new SysError('ioctl', code, '/dev/vfio/vfio'));
  if (error instanceof UdrvError) return error;
  throw new Error('not explained');
}

test.each([
  ['setContainerFailed', 'EINVAL'],
  ['setIommuFailed', 'EPERM'],
  ['bindFailed', 'EINVAL'],
  ['attachFailed', 'EPERM'],
] as const)('%s with %s names the region that the firmware needs, and no unsafe setting', (call, code) => {
  expect(refusal(call, code, { ...DIRECT, ...NOT_REMAPPED })).toMatchObject({
    code,
    exit: 9,
    message: NEEDED,
    hint: expect.not.stringContaining('unsafe'),
  });
  expect(refusal(call, code, RELAXABLE).message).not.toMatch(/firmware/);
});

test('SET_CONTAINER with EINVAL of another cause points to the log', () => {
  expect(refusal('setContainerFailed', 'EINVAL', {})).toMatchObject({ hint: expect.stringContaining('dmesg') });
});

test.each([
  ['interrupts are remapped', REMAPPED],
  ['it is switched on', { ...NOT_REMAPPED, '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'Y\n' }],
  ['it cannot be told', {}],
] as const)('allow_unsafe_interrupts is no advice where %s', (_, entries) => {
  const { message, hint } = refusal('setIommuFailed', 'EPERM', entries);
  expect(message).toMatch(/permit/);
  expect(hint).toMatch(/dmesg/);
  expect(hint).not.toMatch(/unsafe/);
});

test.each<[string, Record<string, Content>, RegExp]>([
  ['the firmware of a machine', iommu('dmar0'), /^switch interrupt remapping on in the firmware, .*; to go without, /],
  ['QEMU, for VT-d', { ...VIRTUAL, ...iommu('dmar0') }, /hypervisor, .* -device intel-iommu,intremap=on /],
  ['QEMU, for AMD-Vi', { ...VIRTUAL, ...iommu('ivhd0') }, /hypervisor, .* -device amd-iommu,intremap=on /],
  [
    'the command line, where that has it off',
    { ...VIRTUAL, ...iommu('dmar0'), '/proc/cmdline': 'quiet intel_iommu=on intremap=off\n' },
    /^boot without intremap=off; to go without, /,
  ],
  ['another IOMMU than virtio', { ...VIRTUAL, ...iommu('0000:00:02.0') }, /^virtio-iommu remaps no interrupts: /],
])('interrupt remapping is switched on in %s', (_, entries, hint) => {
  const error = refusal('setIommuFailed', 'EPERM', { ...NOT_REMAPPED, ...entries });
  expect(error.message).toBe('the platform does not remap interrupts, so the device could forge them');
  expect(error.hint).toMatch(hint);
  expect(error.hint).toMatch(/risk that .*tee \/sys\/module\/vfio_iommu_type1\//);
  expect(refusal('bindFailed', 'EPERM', { ...NOT_REMAPPED, ...entries }).hint).toMatch(/tee \/sys\/module\/iommufd\//);
});

test('bind says before that the group cannot be opened', () => {
  const notes = (entries: Record<string, Content>) =>
    prepareBindings(
      new TreeSys({
        '/sys/bus/pci/drivers/vfio-pci/bind': '',
        [`${DIR}/vendor`]: '0x14e4\n',
        [`${DIR}/iommu_group`]: { link: 'x/21' },
        [`${GROUP}/devices/${ADDRESS}`]: { link: `x/${ADDRESS}` },
        ...entries,
      }),
      new MemoryState(),
      { kind: 'bind', driver: 'vfio-pci', addresses: [ADDRESS] },
    ).notes;
  expect(notes(DIRECT)).toEqual([`group 21 cannot be opened: ${NEEDED}`]);
  expect(notes(RELAXABLE)).toEqual([]);
});

describe('a function in no IOMMU group', () => {
  const virtio = {
    '/sys/bus/pci/devices/0000:00:05.0/vendor': '0x1af4\n',
    '/sys/bus/pci/devices/0000:00:05.0/device': '0x1057\n',
  };
  test.each<[string, Record<string, Content>, RegExp, RegExp]>([
    ['on hardware', {}, /the firmware describes no IOMMU/, /VT-d.*enable_unsafe_noiommu_mode/],
    [
      'in a virtual machine',
      VIRTUAL,
      /this virtual machine has no IOMMU/,
      /-device intel-iommu.*enable_unsafe_noiommu_mode/,
    ],
    [
      'in a virtual machine of arm64',
      { '/sys/class/dmi/id/sys_vendor': 'QEMU\n' },
      /this virtual machine has no IOMMU/,
      /QEMU/,
    ],
    ['with a virtio-iommu', { ...VIRTUAL, ...virtio }, /virtio-iommu is not loaded/, /^sudo modprobe virtio_iommu$/],
    [
      'with a virtio-iommu that ACPI describes',
      { '/sys/firmware/acpi/tables/VIOT': '' },
      /virtio-iommu is not loaded/,
      /modprobe/,
    ],
    ['off in the kernel', { '/sys/firmware/acpi/tables/DMAR': '' }, /kernel has the IOMMU off/, /intel_iommu=on.*smmu/],
    [
      'off in the kernel of an AMD machine',
      { '/sys/firmware/acpi/tables/IVRS': '' },
      /kernel has the IOMMU off/,
      /^boot without amd_iommu=off or iommu=off; sudo dmesg/,
    ],
    [
      'on an Arm machine, whose driver is not in the kernel',
      { '/sys/firmware/acpi/tables/IORT': '' },
      /kernel has the IOMMU off/,
      /^an SMMU takes a driver that is part of the kernel \(CONFIG_ARM_SMMU_V3, CONFIG_ARM_SMMU\); sudo dmesg/,
    ],
    [
      'on a virtual Arm machine',
      { '/sys/firmware/acpi/tables/IORT': '', '/sys/class/dmi/id/sys_vendor': 'QEMU\n' },
      /kernel has the IOMMU off/,
      /-machine virt,iommu=smmuv3; sudo dmesg/,
    ],
    ['beside those that have one', { '/sys/class/iommu/dmar0/devices/x': '' }, /does not cover it/, /another slot/],
  ])('%s', (_, entries, message, hint) => {
    const why = whyNoGroup(new TreeSys(entries));
    expect(why.message).toMatch(message);
    expect(why.hint).toMatch(hint);
    if (message.source.includes('virtual machine has')) expect(why.hint).not.toMatch(/firmware/);
  });

  test('that VFIO lets do without: iommufd cannot, and the group can', () => {
    expect(noCdev(device(), true)).toMatchObject({ exit: 9, hint: expect.stringContaining('--backend group') });
    expect(noCdev(device(), true).hint).not.toMatch(/CONFIG_VFIO_DEVICE_CDEV/);
    expect(noCdev(device(), false).hint).toMatch(/CONFIG_VFIO_DEVICE_CDEV/);
  });
});
