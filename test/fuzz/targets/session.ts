import { json, visible } from '../../../src/cli/output/escape';
import { parseAction, parseBusDevice, parseUsbIds, parseVectors } from '../../../src/cli/program/parse';
import { parseSettings } from '../../../src/cli/program/settings';
import { findDevice } from '../../../src/devices/select';
import { UdrvError } from '../../../src/errors';
import { parseDuration, parseRange, parseSize, parseValue, parseWord } from '../../../src/model/notation';
import { NO_NAMES } from '../../../src/names/database';
import { parsePciAddress } from '../../../src/pci/address';
import { checkSteps } from '../../../src/session/check';
import { openBlocks, parseSteps } from '../../../src/session/grammar';
import { Scope } from '../../../src/session/scope';
import { simulatedMachine } from '../../../src/sim';
import { expectShown, type Target } from '../target';

const { sys } = simulatedMachine();
const devices = ['0000:00:03.0', 'uio0', '1-4'].map((address) => {
  const info = findDevice(sys, NO_NAMES, address);
  if (info.framework === 'pci') throw new Error(`${address} is not for sessions`);
  return info;
});

/** Steps of a session, checked against a device of each framework that is not opened. */
const steps: Target = {
  name: 'steps',
  seeds: [
    'read bar0:0; read bar0 0x4; dump bar0:0+0x20\nbuf A 4K\nmap A r; write bar0:0x80 A+0x10 A.hi; free A',
    'repeat 3 { buf A 4K; fill A:0+8 0x1234 -w 2; load A:4 00ff; free A }; irq msix:0-3 on; wait 1s',
    'poll bar0:0x98&1==0 1s; expect bar0:0 == 0x10; expect map0:0 & 0xff == 0xed # a comment',
    "claim 0 --detach; bulk 0x81 36; bulk 0x02 0011; ctrl 0x80 6 0x100 0 18; load A @'a file'",
  ].map((text) => Buffer.from(text)),
  run(input) {
    const text = input.toString('utf8');
    openBlocks(text);
    const parsed = parseSteps(text);
    expectShown(json(parsed));
    const info = devices[text.length % devices.length];
    if (info !== undefined) checkSteps(parsed, new Scope(info, sys.pageSize), 'line');
  },
};

const NOTATIONS: readonly ((text: string) => unknown)[] = [
  parseWord,
  (text) => parseValue(text, 4),
  parseSize,
  parseDuration,
  (text) => parseRange(text, 4),
  parseAction,
  parseVectors,
  parseUsbIds,
  parseBusDevice,
  parsePciAddress,
];

/** Numbers, sizes, times, actions and names as they are typed. */
const notation: Target = {
  name: 'notation',
  seeds: [
    '0x1234',
    '4K',
    '1.5s',
    '0x10-0x20',
    '0x10+32',
    'bar0:0x60/2=bar0:0x24',
    '0-3',
    '1234:11e8',
    '1/3',
    '00:1f.2',
  ].map((text) => Buffer.from(text)),
  longest: 256,
  run(input) {
    const text = input.toString('utf8');
    let last: unknown;
    for (const parse of NOTATIONS)
      try {
        parse(text);
      } catch (error) {
        if (!(error instanceof UdrvError)) throw error;
        last = error;
      }
    if (last !== undefined) throw last;
  },
};

const settings: Target = {
  name: 'settings',
  seeds: [Buffer.from('# a comment\ncolor = never\nlist.columns = address,driver\npager =\n')],
  run(input) {
    parseSettings(input.toString('utf8'), 'config', (text) => expectShown(visible(text)));
  },
};

export const targets = [steps, notation, settings];
