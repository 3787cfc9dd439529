import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { json } from '../../../src/cli/output/escape';
import { listDevices } from '../../../src/devices/list';
import { NO_NAMES } from '../../../src/names/database';
import { packageFolder } from '../../../src/sys/package-folder';
import { formatManifest, parseManifest } from '../../../src/sys/tree/manifest';
import { parseSnapshot } from '../../../src/sys/tree/snapshot';
import { expectShown, type Target } from '../target';

const FIXTURES = join(packageFolder(), 'fixtures');
const small = readFileSync(join(FIXTURES, 'small.snapshot'));

const EVERY_KIND = `# udrv snapshot 1
/dev/uio1 @ none 0660 0:46
/proc/1/fd -> ..
/sys/devices/x/config : 86800c15
/sys/devices/x/empty
/sys/devices/x/power /
/sys/devices/x/serial ! EACCES
/sys/devices/x/text = a\\x1b\\tb
# end 7
`;

/** Entries of a recorded machine, and the devices that are found in them. */
const snapshot: Target = {
  name: 'snapshot',
  seeds: [small, Buffer.from(EVERY_KIND), small.subarray(0, 2048)],
  longest: 16 * 1024,
  run(input) {
    const entries = parseManifest(input, 'machine.snapshot');
    const text = formatManifest(entries);
    expectShown(text);
    if (formatManifest(parseManifest(Buffer.from(text), 'again')) !== text)
      throw new Error('not written as it was read');
    const tree = parseSnapshot(input, 'machine.snapshot');
    expectShown(json(listDevices(tree, NO_NAMES, { all: true, errors: [] })));
  },
};

export const targets = [snapshot];
