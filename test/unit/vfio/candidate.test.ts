import { wayToVfio } from '../../../src/bind/way-to-vfio';
import { describeDevice } from '../../../src/cli/devices/describe';
import { makeStyle } from '../../../src/cli/output/style';
import { inspectPci } from '../../../src/devices/pci-functions';
import type { PciDeviceInfo } from '../../../src/model/device';
import { NO_NAMES } from '../../../src/names/database';
import { vfioCandidate } from '../../../src/vfio/inspect/candidate';
import { type Content, TreeSys } from '../../support/tree-sys';

const GPU = '0000:01:00.0';
const AUDIO = '0000:01:00.1';
const dir = (address: string) => `/sys/bus/pci/devices/${address}`;

function functionOf(address: string, driver: string, pciClass: string): Record<string, Content> {
  return {
    [`${dir(address)}/vendor`]: '0x10de\n',
    [`${dir(address)}/device`]: '0x2184\n',
    [`${dir(address)}/class`]: `${pciClass}\n`,
    [`${dir(address)}/driver`]: { link: `x/${driver}` },
    [`${dir(address)}/iommu_group`]: { link: 'x/2' },
    [`/sys/kernel/iommu_groups/2/devices/${address}`]: { link: `x/${address}` },
  };
}

/** The driver is loaded. */
const VFIO_PCI = { '/sys/bus/pci/drivers/vfio-pci/bind': '' };

function shown(entries: Record<string, Content>): string {
  const sys = new TreeSys({ ...VFIO_PCI, ...functionOf(GPU, 'nouveau', '0x030000'), ...entries });
  const device = inspectPci(sys, NO_NAMES, GPU) as PciDeviceInfo;
  const candidate = vfioCandidate(sys, device);
  if (candidate === null) throw new Error('in no group');
  return describeDevice({ ...device, candidate, wayToVfio: wayToVfio(sys, GPU) }, { style: makeStyle(false) });
}

test('a function in a group of its own', () => {
  expect(shown({})).toMatch(/^ {2}for vfio +(?:sudo )?udrv bind 0000:01:00\.0 vfio-pci$/m);
});

test('with others, which must go too', () => {
  const text = shown(functionOf(AUDIO, 'snd_hda_intel', '0x040300'));
  expect(text).toMatch(/^ {2}group members +0000:01:00\.0 \(nouveau\), 0000:01:00\.1 \(snd_hda_intel\)$/m);
  expect(text).toMatch(/^ {2}must go too +0000:01:00\.1 \(snd_hda_intel\)$/m);
  expect(text).toMatch(/^ {2}for vfio +(?:sudo )?udrv bind 0000:01:00\.0 vfio-pci --group$/m);
});

test('while the driver is not loaded', () => {
  const sys = new TreeSys(functionOf(GPU, 'nouveau', '0x030000'));
  expect(wayToVfio(sys, GPU).commands).toEqual(['sudo modprobe vfio-pci', `udrv bind ${GPU} vfio-pci`]);
});

test('with virtual functions, for which bind refuses', () => {
  expect(shown({ [`${dir(GPU)}/sriov_numvfs`]: '2\n' })).toMatch(
    /^ {2}not for vfio +it has 2 virtual functions, which would be removed with it; udrv vfio vf 0000:01:00\.0 0$/m,
  );
});

test('with a member on another bus, which leaves its driver by a command of its own', () => {
  const member = '/sys/kernel/iommu_groups/2/devices/fe200000.ethernet';
  const sys = new TreeSys({
    ...VFIO_PCI,
    ...functionOf(GPU, 'nouveau', '0x030000'),
    [`${member}/driver`]: { link: 'x/macb' },
    [`${member}/subsystem`]: { link: 'x/platform' },
  });
  expect(wayToVfio(sys, GPU).commands).toEqual([
    'echo fe200000.ethernet | sudo tee /sys/bus/platform/drivers/macb/unbind',
    `udrv bind ${GPU} vfio-pci`,
  ]);
});

test('a bridge, and a function in no group', () => {
  const sys = new TreeSys(functionOf(GPU, 'pcieport', '0x060400'));
  expect(wayToVfio(sys, GPU)).toMatchObject({ commands: [], refusals: ['a bridge stays with the kernel'] });
  const alone = new TreeSys({ [`${dir(GPU)}/class`]: '0x030000\n' });
  expect(wayToVfio(alone, GPU).refusals).toEqual(['no IOMMU group: the firmware describes no IOMMU']);
});

test('that the firmware needs', () => {
  const text = shown({ '/sys/kernel/iommu_groups/2/reserved_regions': '0x1000 0x1fff direct\n' });
  expect(text).toMatch(/^ {2}not for vfio +the firmware requires 0x1000-0x1fff /m);
});

test('whose driver makes mediated devices', () => {
  const uuid = '11111111-2222-4333-8444-555555555555';
  const text = shown({
    [`${dir(GPU)}/mdev_supported_types/i915-GVTg_V5_4/available_instances`]: '1\n',
    [`${dir(GPU)}/${uuid}/driver`]: { link: 'x/vfio_mdev' },
  });
  expect(text).toMatch(/^ {2}mdev types +i915-GVTg_V5_4 \(1 left\)$/m);
  expect(text).toMatch(new RegExp(`^ {2}mdev instances +${uuid}$`, 'm'));
});
