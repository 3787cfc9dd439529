import { spawnSync } from 'node:child_process';
import { interleaved, verdict } from './measure';

/** The greatest ratio of `udrv list` to an empty Node, on each Node that udrv runs on. */
const BOUND = 1.15;

/**
 * Prints the start-up time of `udrv list` over that of an empty Node: on the small fixture (a UIO, a VFIO and two USB
 * devices), on the lab's whole machine, on the simulated one and on this one. Runs on the Node that runs it, and on
 * those that UDRV_NODES names, separated by colons.
 */
export function benchStart(): boolean {
  const others = (process.env['UDRV_NODES'] ?? '').split(':').filter((path) => path !== '');
  if (others.length === 0)
    console.log(
      '  other versions of Node too: npm i --prefix node22 node@22 && UDRV_NODES=node22/node_modules/node/bin/node npm run bench -- start',
    );
  return [process.execPath, ...others].map(startOn).every(Boolean);
}

function startOn(node: string): boolean {
  const list = (...args: string[]) => [node, 'bin/udrv', ...args, 'list'];
  const commands = [
    [node, '-e', '0'],
    list('--snapshot', 'fixtures/small.snapshot'),
    list('--snapshot', 'fixtures/lab.snapshot'),
    list('--sim'),
    list(),
    [node, 'bin/udrv', '--version'],
  ];
  // The first listing after a build leaves the code cache for all others.
  interleaved(commands, 1);
  const [empty = 0, small = 0, lab = 0, sim = 0, machine = 0, version = 0] = interleaved(commands, 41);
  const name = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  console.log(
    `  Node ${name}: node -e 0 ${empty.toFixed(1)} ms, --version ${version.toFixed(1)} ms, list: on the small fixture ${small.toFixed(1)} ms, on the lab's machine ${lab.toFixed(1)} ms, on the simulated machine ${sim.toFixed(1)} ms, on this machine ${machine.toFixed(1)} ms`,
  );
  return verdict(`udrv list on the small fixture over node -e 0, Node ${name}`, small / empty, BOUND, ' times');
}
