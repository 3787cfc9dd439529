import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from '../../../src/cli/output/escape';
import { listDevices } from '../../../src/devices/list';
import { NO_NAMES } from '../../../src/names/database';
import { machineInFile } from '../../../src/sim';
import { expectShown, type Target } from '../target';

const folder = mkdtempSync(join(tmpdir(), 'udrv-fuzz-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'machine');

function seed(): Buffer {
  const machine = machineInFile(file);
  machine.sys.writeFile('/sys/bus/pci/drivers/nvme/unbind', '0000:01:00.0');
  machine[Symbol.dispose]();
  return readFileSync(file);
}

/** The file of `--sim=FILE`: a machine that another user may have made. */
const state: Target = {
  name: 'sim-state',
  seeds: [seed()],
  form: 'json',
  // A machine is booted for each.
  oneIn: 20,
  longest: 1024 * 1024,
  run(input) {
    writeFileSync(file, input);
    const { sys } = machineInFile(file);
    expectShown(json(listDevices(sys, NO_NAMES, { all: true })));
  },
};

export const targets = [state];
