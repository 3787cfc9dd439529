import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeConfig, describeSystem } from '../../../src/cli/output/config';
import { json } from '../../../src/cli/output/escape';
import { decodeConfig } from '../../../src/pci/config/decode';
import { parseConfigDump } from '../../../src/pci/config/lspci-dump';
import { parseVpd } from '../../../src/pci/vpd';
import { packageFolder } from '../../../src/sys/package-folder';
import { PLAIN_VIEW } from '../plain';
import { expectShown, type Target } from '../target';

const lspci = readFileSync(join(packageFolder(), 'fixtures/lab.lspci'));
const functions = parseConfigDump(lspci, 'lab.lspci');

function shown(bytes: Buffer): void {
  const config = decodeConfig(bytes);
  expectShown(describeConfig(config, { ...PLAIN_VIEW, verbose: true }));
  expectShown(json(config));
}

/** A configuration space, of whatever length. */
const config: Target = {
  name: 'config',
  seeds: functions.map(({ bytes }) => bytes),
  run: shown,
};

/** Text of `lspci -x`, or a raw image. */
const dump: Target = {
  name: 'lspci',
  seeds: [lspci.subarray(0, 1200), lspci, Buffer.from('0000:00:1f.0 ISA bridge: a\n00: 86 80 00\n10: ff\n')],
  longest: 20 * 1024,
  run(input) {
    for (const { address, title, bytes, notes } of parseConfigDump(input, 'dump')) {
      expectShown(json({ address, title, notes }));
      decodeConfig(bytes);
    }
  },
};

const vpd: Target = {
  name: 'vpd',
  seeds: [
    Buffer.from('82040043617264900b00504e04534d2d3532565200915600594103746167525700 78'.replace(/ /g, ''), 'hex'),
    Buffer.from([0x82, 4, 0, 0x43, 0x61, 0x72, 0x64, 0x90, 8, 0, 0x50, 0x4e, 1, 0x41, 0x52, 0x56, 1, 0, 0x78]),
  ],
  run(input) {
    const data = parseVpd(input);
    expectShown(describeSystem(undefined, data, { ...PLAIN_VIEW, verbose: true }));
    expectShown(json(data));
  },
};

export const targets = [config, dump, vpd];
