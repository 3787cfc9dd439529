import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listDevices } from '../../../src/devices/list';
import { recordMachine } from '../../../src/devices/record-machine';
import type { ReadConfig } from '../../../src/doctor/check';
import { allChecks } from '../../../src/doctor/checks';
import { diagnose } from '../../../src/doctor/diagnose';
import { readEvidence } from '../../../src/doctor/record';
import { NO_NAMES } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { packageFolder } from '../../../src/sys/package-folder';
import type { SysTree } from '../../../src/sys/sys';
import { parseSnapshot } from '../../../src/sys/tree/snapshot';
import { labFaults } from '../../lab/faults';
import { diagnosed, faults, isRight } from './faults';
import { ADAPTER, EDU, fixture, healthy, text } from './healthy';

const NOT_RECORDED = new Set([
  'held',
  'held-open',
  'open-elsewhere',
  'vfio-pci-missing',
  'pdrv-missing',
  'vfio-platform-missing',
  'uio-pci-generic-missing',
]);

/** Devices whose fault is in the fixture on purpose: a group that is not viable. */
const SICK = new Set(['0000:02:01.0']);

describe('each fault is named first, with what mends it', () => {
  test.each(faults.map((fault) => [`${fault.family}: ${fault.name}`, fault] as const))('%s', (_, fault) => {
    const [first] = diagnosed(fault).findings;
    expect(first).toMatchObject({ id: fault.first, severity: fault.severity });
    const texts = first?.mend.map(({ text }) => text) ?? [];
    if (fault.mend instanceof RegExp) expect(texts.join('\n')).toMatch(fault.mend);
    else expect(texts).toEqual(fault.mend);
    expect(first?.seen.length).toBeGreaterThan(0);
    if (fault.seen !== undefined) expect(first?.seen).toContainEqual(fault.seen);
    for (const { path, value } of first?.seen ?? []) expect([path, value]).not.toContain('');
  });

  test('there are enough of them, and each finding that a check can make has one', () => {
    expect(faults.length).toBeGreaterThanOrEqual(40);
    const made = new Set(faults.flatMap((fault) => diagnosed(fault).findings.map(({ id }) => id)));
    expect(allChecks.flatMap(({ ids }) => ids).filter((id) => !made.has(id))).toEqual([]);
    expect(faults.map(({ first }) => first).filter((id) => !allChecks.some(({ ids }) => ids.includes(id)))).toEqual([]);
  });
});

test('a port without ACS is named as the reason why functions share a group', () => {
  const tree = healthy();
  tree.set('/sys/devices/pci0000:00/0000:00:09.0/power_state', text('D0\n'));
  const first = (config: ReadConfig) => diagnose(tree, '0000:02:01.0', { config }).findings[0]?.means;
  const capability =
    (header: number): ReadConfig =>
    (_, offset) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(offset === 0x100 ? header : 0);
      return bytes;
    };
  expect(first(capability(0))).toMatch(/ because 0000:00:09\.0 above the device has no ACS\.$/);
  // AER, and behind it nothing.
  expect(first(capability(0x1400_0001 | (2 << 16)))).toMatch(/no ACS/);
  expect(first(capability(0x000d | (1 << 16)))).not.toMatch(/ACS/);
  expect(first(() => null)).not.toMatch(/ACS/);
  // A chain that ends in itself.
  expect(first(capability(0x1001_0001))).toMatch(/no ACS/);
});

describe('a recording has the same verdict', () => {
  // Processes, registers and the kernel's log are in no recording.
  const recordable = faults
    .filter(({ first, log, config }) => !NOT_RECORDED.has(first) && !log && !config)
    // One fault for each finding: recording a machine asks about all of its devices.
    .filter(({ first }, i, all) => all.findIndex((other) => other.first === first) === i);

  test.each(recordable.map((fault) => [`${fault.family}: ${fault.name}`, fault] as const))('%s', (_, fault) => {
    const tree = healthy();
    fault.inject(tree);
    const recording = parseSnapshot(Buffer.from(recordMachine(tree, readEvidence)), 'recording');
    const { device, purpose, need } = fault;
    const [live, replayed] = [tree, recording].map((machine) => diagnose(machine, device, { purpose, need }));
    expect(replayed?.findings).toEqual(live?.findings);
  });
});

test('the manual has every finding, and the figures', () => {
  const page = readFileSync(join(packageFolder(), 'man/udrv-doctor.1'), 'utf8');
  const named = new Set(Array.from(page.matchAll(/^\.It Li (.+)$/gm), ([, items = '']) => items.split(' , ')).flat());
  expect([...named].sort()).toEqual([...new Set(allChecks.flatMap(({ ids }) => ids))].sort());
  expect(page).toContain(`Of the ${faults.length} faults`);
  expect(page).toContain(`in ${faults.filter(isRight).length};`);
  expect(page).toContain(`puts ${labFaults.length} faults`);
});

describe('nothing is found', () => {
  test('where a fault was not put in', () => {
    const tree = healthy();
    const log = () => ['Linux version 6.12.95'];
    expect(diagnose(tree, undefined, { log })).toMatchObject({ findings: [], unknown: [] });
    for (const device of [EDU, 'uio0', ADAPTER])
      expect(diagnose(tree, device, { log })).toMatchObject({ findings: [], unknown: [] });
  });

  const machines: [string, SysTree][] = [
    ['the lab', fixture('lab.snapshot')],
    ['the small fixture', fixture('small.snapshot')],
    ['the healthy machine', healthy()],
    ['--sim', simulatedMachine().sys],
  ];

  test.each(machines)('that blocks a healthy device of %s, nor the machine', (_, tree) => {
    const devices = listDevices(tree, NO_NAMES).filter(({ address }) => !SICK.has(address));
    expect(devices.length).toBeGreaterThan(3);
    const blocked = [undefined, ...devices.map(({ address }) => address)].flatMap((selector) =>
      diagnose(tree, selector)
        .findings.filter(({ severity }) => severity === 'blocks')
        .map(({ id }) => `${selector}: ${id}`),
    );
    expect(blocked).toEqual([]);
  });
});
