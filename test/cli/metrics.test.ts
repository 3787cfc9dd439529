import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, describeWithPython } from '../support/requires';
import { scratch } from './tree';
import { cliFails, udrv } from './udrv';

const dir = scratch();

/** The timer of the simulated machine ticks by the clock. */
const still = (text: string) => text.replace(/(uio1"\}) \d+$/m, '$1 0');

test.concurrent('a simulated machine', async () => {
  const { stdout, stderr, exit } = await udrv('--sim metrics');
  expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
  expect(stdout).toContain('udrv_devices{framework="vfio",driver="vfio-pci"} 2\n');
  expect(stdout).toContain('udrv_vfio_group_viable{iommu_group="7"} 0\n');
  expect(stdout).toContain('# TYPE udrv_uio_events_total counter\nudrv_uio_events_total{device="uio0"} 0\n');
  const document = JSON.parse((await udrv('--sim --json metrics')).stdout);
  expect(document.schema).toBe('udrv.metrics/1');
  expect(document.metrics.map(({ name }: { name: string }) => name)).toContain('udrv_devices');
});

test.concurrent('a file that a collector reads meanwhile', async () => {
  const folder = join(dir, 'textfile');
  spawnSync('mkdir', [folder]);
  const file = join(folder, 'udrv.prom');
  for (let i = 0; i < 2; i++)
    expect(await udrv(['--sim', 'metrics', '-o', file])).toEqual({ stdout: '', stderr: '', exit: 0 });
  expect(readdirSync(folder)).toEqual(['udrv.prom']);
  expect(still(readFileSync(file, 'utf8'))).toBe(still((await udrv('--sim metrics')).stdout));
});

test.concurrent('a recorded machine has those of the machine, but for the counts of interrupts', async () => {
  const file = join(dir, 'sim.snapshot');
  await udrv(['--sim', 'snapshot', '-o', file]);
  const without = (text: string) => text.replace(/^.*udrv_pci_interrupts_total.*\n/gm, '');
  const live = await udrv('--sim metrics');
  expect(still((await udrv(['--snapshot', file, 'metrics'])).stdout)).toBe(still(without(live.stdout)));
});

cliFails(1, [
  ['--sim metrics -o /nonexistent/udrv.prom', '/nonexistent/udrv.prom: no such file or directory (ENOENT)'],
]);

describeWith('promtool', 'promtool', () => {
  test.concurrent.each(['--sim', '--snapshot fixtures/lab.snapshot', ''])('takes those of udrv %s', async (machine) => {
    const { stdout } = await udrv(`${machine} metrics`);
    expect(stdout).not.toBe('');
    const {
      stdout: out,
      stderr: remarks,
      status,
    } = spawnSync('promtool', ['check', 'metrics'], { input: stdout, encoding: 'utf8' });
    expect({ out, remarks, status }).toEqual({ out: '', remarks: '', status: 0 });
  });

  test('would complain', () => {
    const { status } = spawnSync('promtool', ['check', 'metrics'], { input: '# TYPE a_total gauge\na_total 1\n' });
    expect(status).not.toBe(0);
  });
});

describeWithPython('prometheus_client', "OpenMetrics' reference parser", () => {
  const parse = (text: string) => {
    const script =
      'import sys; from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse; print(len(list(parse(sys.stdin.read()))))';
    return spawnSync('/usr/bin/python3', ['-c', script], { input: text, encoding: 'utf8' });
  };

  test.concurrent.each(['--sim', '--snapshot fixtures/lab.snapshot', ''])('takes those of udrv %s', async (machine) => {
    const { stdout } = await udrv(`${machine} metrics --format openmetrics`);
    const { stdout: families, stderr, status } = parse(stdout);
    expect({ families, stderr, status }).toEqual({
      families: `${stdout.match(/^# TYPE /gm)?.length}\n`,
      stderr: '',
      status: 0,
    });
  });

  test('would complain', () => {
    expect(parse('# TYPE a gauge\na 1\n').status).not.toBe(0);
  });
});
