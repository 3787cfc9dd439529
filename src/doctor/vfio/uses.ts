import { findUses, type Use } from '../../bind/in-use';
import { pciPath } from '../../pci/paths';
import { isServedByVfio } from '../../vfio/inspect/drivers';
import { type Check, command, type Finding, type FunctionSubject, type Mend } from '../check';
import { type Evidence, Undecided } from '../evidence';

const IDS: Readonly<Record<Use['kind'], string>> = {
  storage: 'disk-in-use',
  network: 'interface-up',
  'virtual functions': 'has-virtual-functions',
  process: 'held-open',
  bridge: 'bridge',
};

/** Uses of a device that would suffer if its driver lost it: `bind` refuses for each. */
export const uses: Check<FunctionSubject> = {
  ids: ['disk-in-use', 'interface-up', 'has-virtual-functions', 'held-open'],
  about: 'uses',
  *run({ tree, device: { address, driver } }) {
    if (driver === null || isServedByVfio(tree, pciPath(address), driver)) return;
    const { uses: found, doubts } = findUses(tree.sys, [address]);
    // Without the table of mounts any disk would be reported.
    if (found.some(({ kind }) => kind === 'storage')) tree.need('/proc/self/mountinfo');
    for (const kind of ['storage', 'network', 'virtual functions', 'process'] as const) {
      const mine = found.filter((use) => use.kind === kind);
      if (mine.length > 0) yield inUse(kind, mine);
    }
    mustBeComplete(tree, doubts);
  },
};

function inUse(kind: Use['kind'], found: readonly Use[]): Finding {
  const vital = found.some((use) => use.vital);
  const address = found[0]?.address ?? '';
  return {
    id: IDS[kind],
    severity: 'blocks',
    seen: found.map((use) => ({ path: placeOf(use), value: use.what })),
    means: vital
      ? 'The root file system is on it: the system runs from this device.'
      : `The device is in use: ${found.map(({ what }) => what).join('; ')}.`,
    prevents: 'taking it from its driver',
    mend: vital ? [] : mendOf(found),
    proof: `udrv -n bind ${address} vfio-pci`,
  };
}

function placeOf({ kind, address }: Use): string {
  if (kind === 'storage') return '/proc/self/mountinfo';
  if (kind === 'process') return '/proc';
  return kind === 'network' ? pciPath(address, 'net') : pciPath(address, 'sriov_numvfs');
}

/** Returns one line that ends all uses, as root; none where one of them cannot be ended by a command. */
export function mendOf(found: readonly Use[]): Mend[] {
  const lines = found.map(({ kind, address, hint }) => {
    if (hint === undefined) return null;
    if (kind === 'virtual functions') return `echo 0 | sudo tee ${pciPath(address, 'sriov_numvfs')}`;
    if (kind === 'process') return `sudo kill ${/\d+$/.exec(hint)?.[0]}`;
    return `sudo ${hint}`;
  });
  return lines.includes(null) ? [] : [command([...new Set(lines)].join(' && '))];
}

/** @throws Undecided where part of the machine could not be searched for uses */
export function mustBeComplete(tree: Evidence, doubts: readonly string[]): void {
  const [doubt] = doubts;
  if (doubt !== undefined) throw new Undecided(`${doubt} could not be looked into for uses of the device`);
  // A copy of a machine has no processes.
  if (!tree.list('/proc').some((name) => /^\d+$/.test(name)))
    throw new Undecided('no process is known here that could have the device open');
}
