import { pciPath } from '../pci/paths';
import { AttributeReader } from '../sys/readers/attributes';
import type { Sys, SysTree } from '../sys/sys';
import { inUseError } from './errors';
import { findUses, type Use } from './in-use';
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
  const changed = plans.filter(({ steps }) => steps.some(({ driver }) => driver !== undefined)).map((p) => p.address);
  const bridge = (address: string): Use[] =>
    bridges || !isBridge(sys, address) ? [] : [{ address, what: 'it is a bridge', hint: undefined, busy: false }];
  const losing = plans.filter(({ from, steps }) => from.driver !== null && steps.some((s) => s.driver === null));
  const losers = losing.map(({ address }) => address);
  const found = losers.length === 0 ? { uses: [], doubts: [] } : findUses(sys, losers);
  const busy = found.uses.filter((use) => use.busy);
  if (busy.length > 0) throw inUseError(busy, 'EBUSY');
  const uses = [...changed.flatMap(bridge), ...found.uses];
  if (uses.length > 0 && !force) throw inUseError(uses, 'EINUSE');
  const doubts = found.doubts.slice(0, MAX_SHOWN).map((doubt) => `not checked for uses of the device: ${doubt}`);
  return [...uses.map(({ address, what }) => `${address}: ${what}`), ...doubts, ...displayNotes(sys, losing)];
}

/** Remarks on displays. No refusal: giving a graphics card to a guest is usual. */
function displayNotes(sys: SysTree, plans: readonly BindPlan[]): string[] {
  const reader = new AttributeReader(sys);
  return plans
    .filter(({ address }) => reader.number(pciPath(address, 'boot_vga')) === 1)
    .map(({ address }) => `${address}: it is the boot display: the console may go dark`);
}
