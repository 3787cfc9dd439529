// `udrv bench report` on the simulated machine. Which figures there are is tested in test/unit/bench.
import { cliFails, cliPasses, onTerminal, outcomeOf, shows, start, udrv } from './udrv';

const EDU = '0000:00:03.0';
const SHORT = '--seconds 0.2 -c 5';

test.concurrent('as JSON: the machine, and each device with its results', async () => {
  const { stdout, stderr, exit } = await udrv(
    `--sim --json bench report uio0 1-2 ${SHORT} --register map0:0x0 --endpoint 0x81 --queue 2`,
  );
  expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
  const report = JSON.parse(stdout);
  expect(Object.keys(report)).toEqual(['schema', 'simulated', 'complete', 'time', 'machine', 'results', 'devices']);
  expect(report).toMatchObject({ schema: 'udrv.bench-report/1', simulated: true, complete: true });
  expect(Date.parse(report.time)).toBeGreaterThan(0);
  expect(report.machine).toMatchObject({ kernel: '6.12.95', iommus: ['dmar0'], iommuModes: ['DMA'] });
  expect(report.results.map(({ figure }: { figure: string }) => figure)).toEqual(['eventfd', 'list']);
  const [uio, usb] = report.devices;
  expect(uio).toMatchObject({ address: 'uio0', framework: 'uio', vendorId: '1234', driver: 'uio_pci_generic' });
  expect(uio.results).toContainEqual({
    figure: 'read',
    register: 'map0:0x0/4',
    by: 'mmap',
    count: 5,
    perSecond: expect.any(Number),
    latencyUs: {
      min: expect.any(Number),
      p50: expect.any(Number),
      p90: expect.any(Number),
      p99: expect.any(Number),
      max: expect.any(Number),
    },
  });
  expect(uio.results).toContainEqual({
    figure: 'interrupt',
    by: 'device',
    reason: 'no --trigger tells how the device raises it',
  });
  expect(usb.iommu).toBeNull();
  expect(usb.results.at(-1)).toMatchObject({
    figure: 'bulk',
    endpoint: '0x81',
    queue: 2,
    bytesPerSecond: expect.any(Number),
  });
});

test.concurrent('as text: tables, then what was not measured; what is done to the device comes first', async () => {
  const { stdout, stderr, exit } = await udrv(
    `--sim bench report ${EDU} ${SHORT} --max-size 4K --trigger bar0:0x60=1 --ack bar0:0x64=bar0:0x24`,
  );
  expect(exit).toBe(0);
  expect(stderr).toMatch(/^udrv: 0000:00:03\.0: open and close it up to 10 times by group and by iommufd/);
  expect(stderr).toContain('have it raise INTx, MSI and MSI-X, with bus mastering on\n');
  expect(stdout).toMatch(/^ {2}machine {2}simulated: its figures mean nothing\n {2}kernel {3}6\.12\.95\n/);
  expect(stdout).toMatch(/^eventfd +\d+\.\d +\d+\.\d +\d+\.\d +\d+$/m);
  expect(stdout).toMatch(/^interrupt MSI, by device +\d+\.\d /m);
  expect(stdout).toMatch(/^map 4K, iommufd, pages of 4K +\d+\.\d /m);
  expect(stdout).toMatch(/^not measured:\n {4}reset {3,}cannot be reset alone/m);
  expect(stdout).toMatch(/^ {4}map 1G, group, pages of 2M +more than --max-size, 4K$/m);
});

test.concurrent('on a terminal of 80 columns, no line is longer', async () => {
  const { stdout, exit } = await onTerminal(`--sim -q --color never bench report ${EDU} ${SHORT} --max-size 4K`, {
    size: { columns: 80, rows: 200 },
  });
  expect(exit).toBe(0);
  const lines = stdout.replace(/\r\x1b\[K|\x1b\[K/g, '\n').split(/\r?\n/);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  expect(lines.filter((line) => line.startsWith('not measured'))).toHaveLength(1);
});

test.concurrent('Ctrl-C ends it, and what was measured is printed', async () => {
  const child = start('--sim bench report 1-2 --endpoint 0x81 --queue 1,2,4,8,16 --seconds 60 -c 20');
  const ended = outcomeOf(child);
  await shows(child, 'stdout', /^list/m);
  // Control requests are measured for a minute.
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const killed = performance.now();
  child.kill('SIGINT');
  const { stdout, exit } = await ended;
  expect(exit).toBe(130);
  expect(performance.now() - killed).toBeLessThan(10_000);
  expect(stdout).toMatch(/^open .*\nclose .*\ncontrol .*\n$/m);
});

describe('without a device', () => {
  test.concurrent('the note names one that can be measured', async () => {
    const { stderr, exit } = await udrv(`--sim bench report ${SHORT}`);
    expect({ stderr, exit }).toEqual({
      stderr: 'udrv: devices can be measured too: udrv --sim bench report uio0\n',
      exit: 0,
    });
  });
});

cliPasses([
  [
    `--sim -n bench report uio0 --register map0:0x4`,
    'write and read an eventfd, and list all devices\nuio0: open and close it up to 100 times\nuio0: read map0:0x4/4\n',
  ],
  // `udrv bench DEVICE` is still a command of its own.
  ['--sim bench 0000:00:03.0 --sizes 4K -c 10', /^ +SIZE +MIN us/],
]);

cliFails(2, [
  ['--sim bench report --sizes 4K', "usage: unknown option '--sizes'"],
  ['--sim bench report --register bar0:0x0', '--register: none of the devices has bar0:0x0'],
  ['--sim bench report uio0 --trigger bar0:0x60=1', '--trigger: none of the devices has bar0:0x60=1'],
  ['--sim bench report uio0 --endpoint 0x81', '--endpoint: none of the devices has 0x81'],
  [
    '--sim bench report uio0 --register nonsense',
    'nonsense: is not a register',
    'write REGION:OFFSET, as in bar0:0x0 or map0:0x10/2',
  ],
  ['--sim bench report uio0 --register map0:0x10000000', /is outside of the region/],
  ['--sim bench report --seconds 0', '0: is too short a time to measure anything'],
  ['--sim bench report --queue 2000', '2000: is too many: 1024 at most'],
  [
    '--sysroot / bench report',
    'bench report: a recording cannot be measured',
    'udrv --sysroot / list shows its devices',
  ],
]);

cliFails(3, [
  ['--sim bench report nonsense', /^udrv: nonsense: no such device/, 'udrv --sim list --all shows what there is'],
]);
