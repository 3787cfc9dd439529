/**
 * `npm run bench [list|start|report|doctor|faults|session|fleet|ring|uio|vfio|nvme|net|usb|inject|storm|lab-storm|fuzz [INPUTS]]...`: the figures that the documents quote, each as a ratio or a difference against
 * something measured in the same run. Exits 1 where a figure misses its bound.
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

const benches: Record<string, (count?: number) => Promise<boolean> | boolean> = {
  list: benchList,
  start: benchStart,
  report: benchReport,
  doctor: benchDoctor,
  session: benchSession,
  fleet: benchFleet,
  ring: benchRing,
  faults: benchFaults,
  uio: benchUio,
  usb: benchUsb,
  fuzz: benchFuzz,
  inject: () => benchInject(),
  storm: benchStorm,
  'lab-storm': benchLabStorm,
  vfio: benchVfio,
  net: benchNetwork,
  nvme: benchNvme,
};

async function run(words: string[]): Promise<void> {
  for (const [i, name] of words.entries()) {
    if (/^\d+$/.test(name)) continue;
    const bench = benches[name];
    if (bench === undefined) throw new Error(`no benchmark ${name}; there are ${Object.keys(benches).join(', ')}`);
    const next = words[i + 1] ?? '';
    console.log(`\n${name}`);
    if (!(await bench(/^\d+$/.test(next) ? Number(next) : undefined))) process.exitCode = 1;
  }
}

const names = process.argv.slice(2);
run(names.length > 0 ? names : Object.keys(benches)).catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
