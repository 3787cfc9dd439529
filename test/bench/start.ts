import { interleaved, verdict } from './measure';

/**
 * What `udrv list` costs over an empty Node: on the small fixture (a UIO, a VFIO and two USB devices), on the lab's whole
 * machine, on the simulated one and on this one.
 */
export function benchStart(): boolean {
  const node = process.execPath;
  const commands = [
    [node, '-e', '0'],
    [node, 'bin/udrv', '--snapshot', 'fixtures/small.snapshot', 'list'],
    [node, 'bin/udrv', '--snapshot', 'fixtures/lab.snapshot', 'list'],
    [node, 'bin/udrv', '--sim', 'list'],
    [node, 'bin/udrv', 'list'],
    [node, 'bin/udrv', '--version'],
  ];
  const [empty = 0, small = 0, lab = 0, sim = 0, machine = 0, version = 0] = interleaved(commands, 41);
  console.log(
    `  node -e 0 ${empty.toFixed(1)} ms, --version ${version.toFixed(1)} ms, list: on the small fixture ${small.toFixed(1)} ms, on the lab's machine ${lab.toFixed(1)} ms, on the simulated machine ${sim.toFixed(1)} ms, on this machine ${machine.toFixed(1)} ms`,
  );
  return verdict('udrv list on the small fixture over node -e 0', small - empty, 10, ' ms');
}
