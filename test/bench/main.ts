/**
 * `npm run bench [list|start|report|doctor|faults|session|fleet|ring|uio|vfio|nvme|net|usb|inject|storm|lab-storm|fuzz]...`: the
 * figures that the documents quote, each as a ratio or a difference against something measured in the same run. Exits 1
 * where a figure misses its bound. `fuzz [INPUTS [PARSER...]]` and `inject [WORDS OF A LINE]` take all that follows them.
 */
import { benchDoctor } from './doctor';
import { benchFaults } from './faults';
import { benchFleet } from './fleet';
import { benchFuzz } from './fuzz';
import { benchInject } from './inject';
import { benchList } from './list';
import { benchNetwork } from './network';
import { benchNvme } from './nvme';
import { benchReport } from './report';
import { benchRing } from './ring';
import { benchSession } from './session';
import { benchStart } from './start';
import { benchLabStorm, benchStorm } from './storm';
import { benchUio } from './uio';
import { benchUsb } from './usb';
import { benchVfio } from './vfio';

const benches: Record<string, (words: string[]) => Promise<boolean> | boolean> = {
  list: () => benchList(),
  start: () => benchStart(),
  report: () => benchReport(),
  doctor: () => benchDoctor(),
  session: () => benchSession(),
  fleet: () => benchFleet(),
  ring: () => benchRing(),
  faults: () => benchFaults(),
  uio: () => benchUio(),
  usb: () => benchUsb(),
  fuzz: ([inputs, ...names]) => benchFuzz(inputs === undefined ? undefined : Number(inputs), names),
  inject: (words) => benchInject(words.join(' ')),
  storm: () => benchStorm(),
  'lab-storm': () => benchLabStorm(),
  vfio: () => benchVfio(),
  net: () => benchNetwork(),
  nvme: () => benchNvme(),
};

/** Those that take words of their own. */
const TAKES_WORDS: ReadonlySet<string> = new Set(['fuzz', 'inject']);

async function run(words: string[]): Promise<void> {
  for (const [i, name] of words.entries()) {
    const bench = benches[name];
    if (bench === undefined) throw new Error(`no benchmark ${name}; there are ${Object.keys(benches).join(', ')}`);
    console.log(`\n${name}`);
    const takesRest = TAKES_WORDS.has(name) && words !== ALL;
    if (!(await bench(takesRest ? words.slice(i + 1) : []))) process.exitCode = 1;
    if (takesRest) return;
  }
}

const ALL = Object.keys(benches);
const names = process.argv.slice(2);
run(names.length > 0 ? names : ALL).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
