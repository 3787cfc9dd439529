import { isPciAddress } from '../pci/address';
import { pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { Sys, SysTree } from '../sys/sys';
import { inUseError } from './errors';
import { classDevices } from './in-use/class-devices';
import { claimProbe, type IsClaimed } from './in-use/storage';
import type { Use, Uses } from './in-use/use';
import { findUses } from './in-use/uses';
import type { BindPlan } from './plan';
import { isBridge } from './read';

/** The most paths that remarks name. */
const MAX_SHOWN = 5;

/**
 * Makes sure that functions can lose their drivers without harm.
 *
 * @param options.bridges whether bridges may change theirs
 * @returns remarks for a person
 * @throws UdrvError exit 5: busy, or refused unless it is forced
 */
export function mustNotBeInUse(
  sys: Sys,
  plans: readonly BindPlan[],
  { force, bridges }: { force: boolean; bridges: boolean },
): string[] {
  const found = findObjections(sys, plans, { bridges, isClaimed: claimProbe(sys) });
  const busy = found.uses.filter((use) => use.busy);
  if (busy.length > 0) throw inUseError(busy, 'EBUSY');
  if (found.uses.length > 0 && !force) throw inUseError(found.uses, 'EINUSE');
  const uses = found.uses.map(({ address, what }) => `${address}: ${what}`);
  const doubts = found.doubts.slice(0, MAX_SHOWN).map((doubt) => `not checked for uses of the device: ${doubt}`);
  return [...uses, ...doubts, ...displayNotes(sys, plans.filter(losesDriver))];
}

/** Finds what speaks against plans: bridges that would change their drivers, and uses of what would lose its driver. */
export function findObjections(
  sys: SysTree,
  plans: readonly BindPlan[],
  { bridges, isClaimed }: { bridges: boolean; isClaimed: IsClaimed | undefined },
): Uses {
  const changed = plans.filter(({ steps }) => steps.some(({ driver }) => driver !== undefined)).map((p) => p.address);
  const bridge = (address: string): Use[] => (bridges || !isBridge(sys, address) ? [] : [bridgeUse(address)]);
  const losers = plans.filter(losesDriver).map(({ address }) => address);
  const { uses, doubts } = losers.length === 0 ? { uses: [], doubts: [] } : findUses(sys, losers, isClaimed);
  return { uses: [...changed.flatMap(bridge), ...uses], doubts };
}

export function bridgeUse(address: string): Use {
  return { address, kind: 'bridge', what: 'it is a bridge', hint: undefined, busy: false };
}

function losesDriver({ from, steps }: BindPlan): boolean {
  return from.driver !== null && steps.some(({ driver }) => driver === null);
}

/** Remarks on displays. No refusal: giving a graphics card to a guest is usual. */
function displayNotes(sys: SysTree, plans: readonly BindPlan[]): string[] {
  const reader = new AttributeReader(sys);
  const screens = classDevices(reader, ['graphics', 'drm']);
  return plans.flatMap(({ address }) => {
    if (reader.number(pciPath(address, 'boot_vga')) === 1)
      return [`${address}: it is the boot display: the console may go dark`];
    // A device of another bus may be the one that the firmware set up: simple-framebuffer.0.
    return !isPciAddress(address) && screens.some(({ path }) => path.includes(address))
      ? [`${address}: it has a display: the console may go dark`]
      : [];
  });
}
