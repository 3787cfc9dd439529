import { devicePath } from '../bind/bus';
import type { Use } from '../bind/in-use/use';
import { pciPath } from '../pci/paths';
import { command, type Finding, type Mend } from './check';
import { type Evidence, Undecided } from './evidence';

const IDS: Readonly<Record<Use['kind'], string>> = {
  storage: 'disk-in-use',
  network: 'interface-up',
  console: 'console',
  'virtual functions': 'has-virtual-functions',
  consumers: 'has-consumers',
  process: 'held-open',
  bridge: 'bridge',
};

/** Names of the findings of {@link usesOf}. */
export const USE_IDS = [
  'disk-in-use',
  'interface-up',
  'console',
  'has-virtual-functions',
  'has-consumers',
  'held-open',
] as const;

/** Uses of a device, for each of which `bind` refuses to take it from its driver. */
export interface DeviceUses {
  findings: Finding[];
  /** Whether one of them can never be ended. */
  isVital: boolean;
  doubts: string[];
}

/** Finds the uses of a function that would suffer if its driver lost it. @throws Undecided */
export function usesOf(tree: Evidence, address: string): DeviceUses {
  // Loaded where it is needed: a device that nobody else has does without.
  const { findUses } = require('../bind/in-use/uses') as typeof import('../bind/in-use/uses');
  const { uses, doubts } = findUses(tree.sys, [address]);
  // Without the table of mounts any disk would be reported.
  if (uses.some(({ kind }) => kind === 'storage')) tree.need('/proc/self/mountinfo');
  const kinds = ['storage', 'network', 'console', 'virtual functions', 'consumers', 'process'] as const;
  const byKind = kinds.map((kind) => uses.filter((use) => use.kind === kind)).filter((mine) => mine.length > 0);
  return { findings: byKind.map((mine) => inUse(tree, mine)), isVital: uses.some(({ vital }) => vital), doubts };
}

function inUse(tree: Evidence, found: readonly Use[]): Finding {
  const vital = found.some((use) => use.vital);
  const address = found[0]?.address ?? '';
  return {
    id: IDS[found[0]?.kind ?? 'process'],
    severity: 'blocks',
    seen: found.map((use) => ({ path: placeOf(tree, use), value: use.what })),
    means: vital
      ? 'The root file system is on it: the system runs from this device.'
      : `The device is in use: ${found.map(({ what }) => what).join('; ')}.`,
    prevents: 'taking it from its driver',
    mend: vital ? [] : mendOf(found),
    proof: `udrv -n unbind ${address}`,
  };
}

function placeOf(tree: Evidence, { kind, address }: Use): string {
  const dir = devicePath(tree.sys, address);
  const places: Readonly<Record<Use['kind'], string>> = {
    storage: '/proc/self/mountinfo',
    network: `${dir}/net`,
    console: '/sys/class/tty/console/active',
    'virtual functions': `${dir}/sriov_numvfs`,
    consumers: dir,
    process: '/proc',
    bridge: `${dir}/class`,
  };
  return places[kind];
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
  // A copy of a machine has no processes.
  if (!tree.names('/proc').some((name) => /^\d+$/.test(name)))
    throw new Undecided('a copy of a machine has no processes');
  const [doubt] = doubts;
  if (doubt !== undefined) throw new Undecided(`${doubt} could not be looked into`);
}
