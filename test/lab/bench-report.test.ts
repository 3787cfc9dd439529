// Figures of real kernels and QEMU's devices: UIO beside VFIO, on the same kind of device, and USB.
import { describeInLab } from './jest';
import { backendsOf } from './lab';

const EDU = '0000:00:03.0';
const NVME = '0000:01:00.0';

interface Row {
  figure: string;
  reason?: string;
  latencyUs?: { p50: number };
  [variant: string]: unknown;
}

describeInLab('bench report', (lab) => {
  const report = async (line: string) => {
    const { code, stdout, stderr } = await lab().run(`udrv --json bench report ${line}`, { timeoutMs: 300_000 });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const document = JSON.parse(stdout);
    expect(document).toMatchObject({ simulated: false, complete: true });
    const rowsOf = (address: string): Row[] =>
      document.devices.find((device: { address: string }) => device.address === address).results;
    return { document, rowsOf };
  };
  const found = (rows: readonly Row[], row: Partial<Row>) =>
    rows.find((one) => Object.entries(row).every(([name, value]) => one[name] === value));

  test('UIO beside VFIO, and USB by queue depth', async () => {
    const actions = ['map0', 'bar0'].map((at) => `--trigger ${at}:0x60=1 --ack ${at}:0x64=${at}:0x24`).join(' ');
    const { document, rowsOf } = await report(
      `uio0 ${EDU} 3-1 ${actions} --register bar0:0x4 --endpoint 0x81 --queue 1,4 --seconds 0.3 --max-size 2M`,
    );
    expect(document.machine).toMatchObject({ kernel: lab().release, cpus: 1, iommus: ['dmar0'] });
    const vfio = rowsOf(EDU);
    for (const irq of ['intx', 'msi'])
      for (const by of ['kernel', 'device'])
        expect(found(vfio, { figure: 'interrupt', irq, by })?.latencyUs?.p50).toBeGreaterThan(0);
    expect(found(vfio, { figure: 'interrupt', irq: 'msix', by: 'device' })?.reason).toBe('has no MSI-X interrupt');
    for (const by of ['mmap', 'pread'])
      expect(found(vfio, { figure: 'read', register: 'bar0:0x4/4', by })?.latencyUs?.p50).toBeGreaterThan(0);
    const backends = backendsOf(lab().kernel);
    for (const backend of backends)
      for (const figure of ['map', 'unmap'])
        expect(found(vfio, { figure, backend, size: 4096 })?.latencyUs?.p50).toBeGreaterThan(0);
    if (lab().kernel === 'stock') expect(found(vfio, { figure: 'open', backend: 'iommufd' })?.reason).toMatch(/no /);
    expect(found(rowsOf('uio0'), { figure: 'interrupt', by: 'device' })?.latencyUs?.p50).toBeGreaterThan(0);
    const usb = rowsOf('3-1');
    expect(found(usb, { figure: 'control' })?.latencyUs?.p50).toBeGreaterThan(0);
    for (const queue of [1, 4])
      expect(found(usb, { figure: 'bulk', endpoint: '0x81', queue })?.['bytesPerSecond']).toBeGreaterThan(0);
  }, 300_000);

  test('a device with a reset and MSI-X, and huge pages where there are some', async () => {
    const pages = '/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages';
    expect((await lab().run(`udrv bind ${NVME} vfio-pci && echo 4 > ${pages}`)).code).toBe(0);
    const { rowsOf } = await report(`${NVME} --seconds 0.3 --max-size 2M`);
    const rows = rowsOf(NVME);
    expect(found(rows, { figure: 'reset' })?.latencyUs?.p50).toBeGreaterThan(0);
    expect(found(rows, { figure: 'interrupt', irq: 'msix', by: 'kernel' })?.latencyUs?.p50).toBeGreaterThan(0);
    expect(found(rows, { figure: 'map', size: 2 ** 21, pages: '2M' })?.latencyUs?.p50).toBeGreaterThan(0);
    expect((await lab().run(`echo 0 > ${pages}; udrv restore ${NVME}`)).code).toBe(0);
  }, 300_000);

  test('Ctrl-C gives the device back, and tells what there is', async () => {
    const line = `udrv --json bench report ${EDU} --seconds 60 & pid=$!; sleep 8; kill -INT $pid; wait $pid`;
    const { code, stdout } = await lab().run(line, { timeoutMs: 300_000 });
    expect(code).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ complete: false });
    const MASTER = 4;
    expect(Number.parseInt((await lab().run(`setpci -s ${EDU} COMMAND`)).stdout, 16) & MASTER).toBe(0);
    expect((await lab().run(`udrv vfio read ${EDU} bar0 0`)).stdout).toBe('0x010000ed\n');
  }, 300_000);
});
