import { KILLED, killAtEach } from '../injection/kills';
import { type Breach, breachText, inject } from '../injection/suite';
import { LOOKING, WORKING } from '../injection/verbs';

/** Cases of one command, taken evenly from all that it has. */
const MOST_CASES = Number(process.env['UDRV_MOST'] ?? 150);

/** Breaches of one kind that are shown of each command. */
const MOST_SHOWN = 2;

/**
 * Faults of system calls: each call of each command fails in each way that it may, once and from then on; and kills, after
 * which the next command mends. Of some commands alone: `npm run bench -- inject usb bulk`.
 */
export async function benchInject(named = ''): Promise<boolean> {
  let cases = 0;
  const breaches: Breach[] = [];
  const start = performance.now();
  for (const verb of [...WORKING, ...LOOKING].filter(({ line }) => line.includes(named))) {
    const begin = performance.now();
    const tally = await inject(verb, { every: 10, most: MOST_CASES });
    cases += tally.cases;
    breaches.push(...tally.breaches);
    console.log(
      `  ${String(tally.cases).padStart(5)} cases, ${tally.breaches.length} broke a promise, ${((performance.now() - begin) / 1000).toFixed(1)} s: udrv --sim ${verb.line}`,
    );
  }
  const shown = new Map<string, number>();
  for (const breach of breaches) {
    const kind = `${breach.line} ${breach.what}`;
    const times = shown.get(kind) ?? 0;
    shown.set(kind, times + 1);
    if (times < MOST_SHOWN) console.log(`  ${breachText(breach)}`);
  }
  console.log(
    `  ${cases} cases, ${breaches.length} broke a promise, ${((performance.now() - start) / 1000).toFixed(0)} s`,
  );
  let kills = 0;
  const left: string[] = [];
  for (const killed of KILLED.filter(({ line }) => line.includes(named))) {
    const tally = await killAtEach(killed);
    kills += tally.kills;
    left.push(...tally.breaches);
    console.log(
      `  ${String(tally.kills).padStart(5)} kills, ${tally.breaches.length} broke a promise: udrv --sim ${killed.line}, then udrv --sim ${killed.next}`,
    );
  }
  for (const line of left) console.log(`  ${line}`);
  console.log(`  ${kills} kills, ${left.length} broke a promise`);
  return breaches.length === 0 && left.length === 0;
}
