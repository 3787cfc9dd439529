import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Diagnosis, diagnose } from '../../../src/doctor/diagnose';
import { parseSize } from '../../../src/model/notation';
import type { SysTree } from '../../../src/sys/sys';
import { parseManifest } from '../../../src/sys/tree/manifest';
import { parseSnapshot } from '../../../src/sys/tree/snapshot';
import { SysrootTree } from '../../../src/sys/tree/sysroot';
import { labFaults } from '../../lab/faults';
import type { LabFault } from '../../lab/faults/fault';
import { type Recorded, readRecorded } from '../../lab/faults/recorded';

const machines = readRecorded();
const folder = mkdtempSync(join(tmpdir(), 'udrv-recorded-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('there are machines of both kernels, and none of a fault that is no more', () => {
  expect(new Set(machines.map(({ kernel }) => kernel))).toEqual(new Set(['stock', 'built']));
  expect(machines.filter(({ name }) => faultOf(name) === undefined)).toEqual([]);
});

describe.each(machines.map((machine) => [`${machine.kernel}: ${machine.name}`, machine] as const))(
  '%s',
  (_, machine) => {
    const { id, severity } = machine;
    // The registers of bridges are in no copy.
    const means = machine.means.replace(/ They are in one group because .* has no ACS\.$/, '');
    const live = { id, severity, means };

    test('its snapshot has the verdict that the machine had', () => {
      expect(live.id).toBe(faultOf(machine.name)?.first);
      expect(firstOf(parseSnapshot(Buffer.from(machine.snapshot), 'snapshot'), machine)).toMatchObject(live);
    });

    // Whoever makes a copy may read and write all of it.
    if (faultOf(machine.name)?.notInTree === undefined)
      test('and so has a copy of its tree', () => {
        expect(firstOf(new SysrootTree(unfold(machine)), machine)).toMatchObject(live);
      });
  },
);

function faultOf(name: string): LabFault | undefined {
  return labFaults.find((fault) => fault.name === name);
}

function firstOf(tree: SysTree, { name, selector, purpose }: Recorded): Diagnosis['findings'][number] | undefined {
  const words = faultOf(name)?.doctor.split(' ') ?? [];
  const after = (option: string) => {
    const value = words[words.indexOf(option) + 1];
    return words.includes(option) && value !== undefined ? parseSize(value) : null;
  };
  const [memory, queue, chunk] = [after('--memory'), after('--queue'), after('--chunk')];
  const transfers = queue === null || chunk === null ? null : queue * chunk;
  const need = { memory, transfers };
  return diagnose(tree, selector ?? undefined, { purpose: purpose ?? undefined, need }).findings[0];
}

/** Makes the tree that a snapshot tells of, and returns where it is. */
function unfold({ kernel, name, snapshot }: Recorded): string {
  const root = join(folder, `${kernel} ${name}`.replaceAll('/', ' '));
  const entries = parseManifest(Buffer.from(snapshot), 'snapshot');
  const directories = new Set(entries.map(({ path }) => dirname(path)));
  for (const entry of entries) {
    const path = join(root, entry.path);
    // A directory that was not listed, with files in it that were read.
    if (entry.kind !== 'dir' && directories.has(entry.path)) continue;
    mkdirSync(entry.kind === 'dir' ? path : dirname(path), { recursive: true });
    if (entry.kind === 'file') writeFileSync(path, entry.content);
    if (entry.kind === 'node' || entry.kind === 'error') writeFileSync(path, '');
    if (entry.kind === 'link') symlinkSync(entry.target, path);
  }
  return root;
}
