import { collectMetrics, MAX_DEVICES } from '../../../src/metrics/collect';
import { merged } from '../../../src/metrics/family';
import { formatMetrics } from '../../../src/metrics/text-format';
import { MemoryTree } from '../../../src/sys/tree/memory-tree';

const PCI = '/sys/bus/pci/devices/0000:01:00.0';

/** A machine with one function of vfio-pci, or of another driver. */
function machine(attributes: Record<string, string> = {}, driver = 'vfio-pci'): MemoryTree {
  const tree = new MemoryTree();
  const files = {
    [`${PCI}/vendor`]: '0x1234\n',
    [`${PCI}/device`]: '0x11e8\n',
    [`${PCI}/class`]: '0x020000\n',
    ...Object.fromEntries(Object.entries(attributes).map(([name, text]) => [`${PCI}/${name}`, text])),
  };
  for (const [path, text] of Object.entries(files)) tree.set(path, { kind: 'file', read: () => Buffer.from(text) });
  tree.set(`${PCI}/driver`, { kind: 'link', target: `../../../bus/pci/drivers/${driver}` });
  tree.set(`${PCI}/iommu_group`, { kind: 'link', target: '../../../kernel/iommu_groups/4' });
  tree.set('/sys/kernel/iommu_groups/4/devices/0000:01:00.0', { kind: 'link', target: PCI });
  return tree;
}

const samples = (tree: MemoryTree, name: string) =>
  collectMetrics(tree).find((family) => family.name === name)?.samples ?? [];

const LINK = {
  current_link_speed: '5.0 GT/s PCIe\n',
  max_link_speed: '8.0 GT/s PCIe\n',
  current_link_width: '4\n',
  max_link_width: '4\n',
};

describe('the metrics of a machine', () => {
  test('count devices by framework and driver', () => {
    expect(samples(machine(), 'udrv_devices')).toEqual([
      { labels: { framework: 'vfio', driver: 'vfio-pci' }, value: 1 },
    ]);
    expect(samples(machine({}, 'nvme'), 'udrv_devices')).toEqual([
      { labels: { framework: 'pci', driver: 'nvme' }, value: 1 },
    ]);
  });

  test('have the viability of a group with a VFIO device', () => {
    const tree = machine();
    expect(samples(tree, 'udrv_vfio_group_viable')).toEqual([{ labels: { iommu_group: '4' }, value: 1 }]);
    const other = PCI.replace('01:00.0', '01:00.1');
    tree.set(`${other}/vendor`, { kind: 'file', read: () => Buffer.from('0x1234\n') });
    tree.set(`${other}/driver`, { kind: 'link', target: '../../../bus/pci/drivers/nvme' });
    tree.set('/sys/kernel/iommu_groups/4/devices/0000:01:00.1', { kind: 'link', target: other });
    expect(samples(tree, 'udrv_vfio_group_viable')).toEqual([{ labels: { iommu_group: '4' }, value: 0 }]);
  });

  test.each([
    [{}, 1],
    [{ current_link_speed: '8.0 GT/s PCIe\n' }, 0],
    [{ current_link_speed: '8.0 GT/s PCIe\n', current_link_width: '2\n' }, 1],
  ])('tell a link below what the device can do: %j', (changes, value) => {
    const tree = machine({ ...LINK, ...changes });
    expect(samples(tree, 'udrv_pci_link_below_capability')).toEqual([{ labels: { device: '0000:01:00.0' }, value }]);
  });

  test('have the speed of a link in transfers a second', () => {
    expect(samples(machine(LINK), 'udrv_pci_link_transfers_per_second')).toMatchObject([{ value: 5e9 }]);
    expect(samples(machine(), 'udrv_pci_link_transfers_per_second')).toEqual([]);
  });

  test('have the errors that AER counts', () => {
    const tree = machine({
      aer_dev_correctable: 'RxErr 1\nBadTLP 2\nTOTAL_ERR_COR 3\n',
      aer_dev_nonfatal: 'Undefined 0\nTOTAL_ERR_NONFATAL 0\n',
      aer_dev_fatal: 'TOTAL_ERR_FATAL -1\n',
    });
    expect(samples(tree, 'udrv_pci_errors_total')).toEqual([
      { labels: { device: '0000:01:00.0', severity: 'correctable' }, value: 3 },
      { labels: { device: '0000:01:00.0', severity: 'nonfatal' }, value: 0 },
    ]);
  });

  test('sum the interrupts of a function over its lines and CPUs, and know nothing where the counts are left out', () => {
    const tree = machine({ 'msi_irqs/30': 'msix\n', 'msi_irqs/31': 'msix\n' });
    expect(samples(tree, 'udrv_pci_interrupts_total')).toEqual([]);
    const table = '      CPU0  CPU1\n 30:  4  5  PCI-MSI 0-edge  vfio-msix[0](0000:01:00.0)\n';
    tree.set('/proc/interrupts', { kind: 'file', read: () => Buffer.from(table) });
    expect(samples(tree, 'udrv_pci_interrupts_total')).toMatchObject([{ value: 9 }]);
  });

  test('are bounded', () => {
    const tree = new MemoryTree();
    for (let i = 0; i < MAX_DEVICES + 5; i++)
      tree.set(`/sys/class/uio/uio${i}/event`, { kind: 'file', read: () => Buffer.from('1\n') });
    expect(samples(tree, 'udrv_uio_events_total').length).toBe(MAX_DEVICES);
    expect(samples(tree, 'udrv_devices_without_series')).toEqual([{ labels: {}, value: 5 }]);
    expect(collectMetrics(tree).reduce((sum, family) => sum + family.samples.length, 0)).toBeLessThan(3 * MAX_DEVICES);
  });
});

describe('the text', () => {
  const counter = {
    name: 'udrv_x_total',
    type: 'counter' as const,
    help: 'Back\\slash.',
    samples: [{ labels: {}, value: 1 }],
  };

  test('names a counter by its samples for Prometheus, without _total for OpenMetrics', () => {
    expect(formatMetrics([counter], 'prometheus')).toBe(
      '# HELP udrv_x_total Back\\\\slash.\n# TYPE udrv_x_total counter\nudrv_x_total 1\n',
    );
    expect(formatMetrics([counter], 'openmetrics')).toBe(
      '# HELP udrv_x Back\\\\slash.\n# TYPE udrv_x counter\nudrv_x_total 1\n# EOF\n',
    );
  });

  test('escapes the values of labels, and leaves out a metric without samples', () => {
    const gauge = {
      name: 'udrv_y',
      type: 'gauge' as const,
      help: 'Y.',
      samples: [{ labels: { a: 'x"\\\n', b: 'é' }, value: 2 }],
    };
    expect(formatMetrics([{ ...counter, samples: [] }, gauge], 'prometheus')).toBe(
      '# HELP udrv_y Y.\n# TYPE udrv_y gauge\nudrv_y{a="x\\"\\\\\\n",b="é"} 2\n',
    );
  });

  test('has the samples of one metric together, whatever the machine', () => {
    const families = [counter, { ...counter, name: 'udrv_z_total' }];
    const all = merged([
      { host: 'a', families },
      { host: 'b', families },
    ]);
    expect(all.map(({ name, samples }) => [name, samples.map(({ labels }) => labels['host'])])).toEqual([
      ['udrv_x_total', ['a', 'b']],
      ['udrv_z_total', ['a', 'b']],
    ]);
  });
});
