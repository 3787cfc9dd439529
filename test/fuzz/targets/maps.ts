import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDump } from '../../../src/cli/changes/dump-file';
import { json } from '../../../src/cli/output/escape';
import type { Region } from '../../../src/model/device';
import { findRegion } from '../../../src/model/registers';
import { findPeripheral, type MapDevice, parseMapReference, parseRegisterMap, placeMap } from '../../../src/regmap';
import { packageFolder } from '../../../src/sys/package-folder';
import { expectShown, type Target } from '../target';

const ROOT = packageFolder();
const svd = readFileSync(join(ROOT, 'test/unit/regmap/maps/features.svd'));
const edu = readFileSync(join(ROOT, 'fixtures/examples/edu.map.json'));

const CSV = `csr_base,ctrl,0xf0000000,,
csr_base,timer0,0xf0002000,,
csr_register,ctrl_reset,0xf0000000,1,rw
csr_register,timer0_uptime_cycles,0xf0002004,2,ro
constant,config_csr_data_width,32,,
memory_region,csr,0xf0000000,65536,io
`;
const LITEX = {
  csr_bases: { ctrl: 0xf0000000, timer0: 0xf0002000 },
  csr_registers: {
    ctrl_reset: { addr: 0xf0000000, size: 1, type: 'rw' },
    timer0_uptime_cycles: { addr: 0xf0002004, size: 2, type: 'ro' },
  },
  constants: { config_csr_data_width: 32 },
  memories: { csr: { base: 0xf0000000, size: 65536, type: 'io' } },
};

const REGION = { name: 'bar0', kind: 'mmio', address: '0xf0000000', size: 0x10000, offset: 0 } as const;
const REGIONS: readonly Region[] = [{ ...REGION, read: true, write: true, mmap: true }];
const DEVICE: MapDevice = {
  address: '0000:00:03.0',
  regions: REGIONS,
  isPhysical: false,
  find: (name) => findRegion('0000:00:03.0', REGIONS, name),
};

/** Reads a map, places it into the regions of a device, and shows all that it has. */
function read(input: Buffer): void {
  const map = parseRegisterMap(input, 'map');
  const text = JSON.stringify(map, (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  if (text.length > 10_000 * (input.length + 100)) throw new Error(`${input.length} bytes become ${text.length}`);
  const first = map.peripherals[0];
  if (first !== undefined) findPeripheral(map, 'map', first.name);
  placeMap(map, parseMapReference('map'), DEVICE);
}

const svdMap: Target = {
  name: 'map-svd',
  seeds: [svd, svd.subarray(0, 1500)],
  longest: 12 * 1024,
  run: read,
};

const jsonMap: Target = { name: 'map-json', seeds: [edu], form: 'json', run: read };

const litexMap: Target = { name: 'map-litex', seeds: [Buffer.from(CSV)], run: read };

const litexJson: Target = {
  name: 'map-litex-json',
  seeds: [Buffer.from(JSON.stringify(LITEX))],
  form: 'json',
  run: read,
};

const reference: Target = {
  name: 'map-reference',
  seeds: ['edu.json', 'a.svd#TIMER0@bar0+0x1000', 'b@map0', 'c#P'].map((text) => Buffer.from(text)),
  run: (input) => expectShown(json(parseMapReference(input.toString('utf8')))),
};

/** What `dump` wrote, in any of its formats, which `diff` reads. */
const dumps: Target = {
  name: 'dump-file',
  seeds: [
    '0x00000000  0x010000ed 0x00000000 0x00000001\n*\n0x00000040  0x12345678\n',
    '0x00000000  ed 00 00 01 00 00  |......|\n',
    JSON.stringify({ schema: 'udrv.dump/1', region: 'bar0', offset: 0, width: 4, words: ['0x010000ed', '0x00000000'] }),
  ].map((text) => Buffer.from(text)),
  run(input) {
    const { region, width, blocks, isRaw } = parseDump(input, 'dump');
    expectShown(json({ region, width, isRaw, blocks: blocks.length }));
  },
};

export const targets = [svdMap, jsonMap, litexMap, litexJson, reference, dumps];
