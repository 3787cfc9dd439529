import { findDevice } from '../../../src/devices/select';
import { UdrvError } from '../../../src/errors';
import { NO_NAMES } from '../../../src/names/database';
import { checkSteps } from '../../../src/session/check';
import { parseSteps } from '../../../src/session/grammar';
import { Scope } from '../../../src/session/scope';
import { VERBS } from '../../../src/session/steps';
import { simulatedMachine } from '../../../src/sim';
import { findUDmaBuf } from '../../../src/uio/u-dma-buf';

// Steps against a device that is only inspected: nothing is opened.

const { sys } = simulatedMachine();

function check(device: string, text: string): string {
  const info = findDevice(sys, NO_NAMES, device);
  if (info.framework === 'pci') throw new Error('not for sessions');
  try {
    checkSteps(parseSteps(text), new Scope(info, sys.pageSize, { uDmaBuf: (name) => findUDmaBuf(sys, name) }), 'line');
    return 'right';
  } catch (error) {
    if (!(error instanceof UdrvError)) throw error;
    return `${error.exit} ${error.subject}: ${error.message}`;
  }
}

const EDU = '0000:00:03.0';

test.each([
  [EDU, 'read bar0:0; read bar0 0x4; read config:0/2; read config 0 -w 1; dump bar0:0+0x20; dump config'],
  [EDU, 'buf A 4K; write bar0:0x80 A; write bar0:0x80 A+0x10 A.hi; write bar0:0x80/8 A; write A:0 A.lo'],
  [EDU, 'buf A 4K none; map A r; unmap A; free A; buf A 8K; fill A:0+8 0x1234 -w 2; load A:4 00ff; hexdump A:0+4'],
  [EDU, 'repeat 3 { buf A 4K; free A }; irq msi on; wait; wait msi 1s; irq msi off; irq msix:0-3 on'],
  [EDU, 'poll bar0:0x98&1==0 1s; expect bar0:0 == 0x10; expect bar0 0 & 0xff == 0xed; buf A 4K; expect bar0:0x80==A'],
  [EDU, 'buf A 4K; buf B 4K; expect A==B; expect A:0+16==B:8; expect A:0x10==B; expect A:0+16==@/dev/null'],
  ['uio0', 'read map0:0; irq on; wait 1s; wait; irq off; sleep 1ms'],
  ['1-4', 'claim 0 --detach; bulk 0x81 36; bulk 0x02 0011; buf A 512; bulk 0x81 A 1s; ctrl 0x80 6 0x100 0 18'],
])('%s: %s', (device, text) => {
  expect(check(device, text)).toBe('right');
});

test.each([
  [EDU, 'read bar0:0\nraed bar0:4', '2 line 2 (step 2): raed: is not a step'],
  [EDU, 'read bar9:0', '3 line 1 (step 1): 0000:00:03.0 bar9: no such region'],
  [EDU, 'read bar0:1', '2 line 1 (step 1): 0000:00:03.0 bar0: offset 0x1 is not a multiple of the width, 4'],
  [
    EDU,
    'read bar0:0x100000',
    '2 line 1 (step 1): 0000:00:03.0 bar0: offset 0x100000 is outside of the region, which has 0x100000 bytes',
  ],
  [EDU, 'read bar0', '2 line 1 (step 1): 0000:00:03.0 bar0: no offset: write REGION OFFSET or REGION:OFFSET'],
  [EDU, 'read', '2 line 1 (step 1): read: no REGION:OFFSET'],
  [EDU, 'read bar0:0 0', '2 line 1 (step 1): 0: is too much for read'],
  [
    EDU,
    'write bar0:0 0x100000000',
    '2 line 1 (step 1): 0000:00:03.0 bar0: 0x100000000 does not fit a register of 4 bytes',
  ],
  [
    EDU,
    'write bar0:0xffffc 1 2',
    '2 line 1 (step 1): 0000:00:03.0 bar0: the range up to 0x100004 is outside of the region, which has 0x100000 bytes',
  ],
  [EDU, 'write bar0:0 A', '3 line 1 (step 1): A: no such buffer'],
  [EDU, 'buf A 4K; free A; write bar0:0 A', '2 line 1 (step 3): A: was freed'],
  [EDU, 'buf A 4K; free A; read A:0', '2 line 1 (step 3): A: was freed'],
  [
    EDU,
    'buf A 4K; read A:0x1000',
    '2 line 1 (step 2): 0000:00:03.0 A: offset 0x1000 is outside of the region, which has 0x1000 bytes',
  ],
  [EDU, 'buf A 4K; buf A 4K', '2 line 1 (step 2): A: is there already'],
  [EDU, 'repeat 2 {\nbuf A 4K\n}', '2 line 2 (step 2): A: is there already'],
  [EDU, 'buf bar0 4K', '2 line 1 (step 1): bar0: is the name of a region or an interrupt'],
  [EDU, 'buf A 0', '2 line 1 (step 1): 0: is no size for a buffer: 1 byte to 1G'],
  [EDU, 'buf A 4K x', '2 line 1 (step 1): x: is not an access of the device'],
  [EDU, 'buf A 4K constructor', '2 line 1 (step 1): constructor: is not an access of the device'],
  [EDU, 'buf A 4K; map A', '2 line 1 (step 2): A: is mapped already'],
  [EDU, 'wait', '2 line 1 (step 1): wait: no interrupt is on'],
  [EDU, 'irq msi on; wait intx', '2 line 1 (step 2): intx: is not on'],
  [EDU, 'irq msi on; irq msi on', '2 line 1 (step 2): msi: is on already'],
  [EDU, 'irq x on', '2 line 1 (step 1): x: is not an interrupt'],
  [EDU, 'poll bar0:0', '2 line 1 (step 1): bar0:0: is not a condition'],
  [EDU, 'buf A 4K; load A @/nonexistent', '1 line 1 (step 2): /nonexistent: no such file or directory'],
  [EDU, 'buf A 4K; load A:0xfff 0011', '2 line 1 (step 2): 0011: has 0x2 bytes: 0x1 at most'],
  [EDU, 'claim 0', '9 line 1 (step 1): claim: not for VFIO devices'],
  [EDU, 'toString', '2 line 1 (step 1): toString: is not a step'],
  ['uio0', 'buf A 4K', '3 line 1 (step 1): 4K: no such u-dma-buf'],
  ['uio0', 'buf A udmabuf0 --bits 32', '2 line 1 (step 1): --bits: not for UIO devices'],
  ['1-4', 'buf A 4K --huge 2M', '2 line 1 (step 1): --huge: not for USB devices'],
  [EDU, 'buf A 4K --huge 3M', '2 line 1 (step 1): --huge: is no size of a page'],
  [EDU, 'buf A 4K --bits 5', '2 line 1 (step 1): --bits: a device drives 12 to 64 address bits'],
  [EDU, 'buf A 4K --node', '2 line 1 (step 1): buf --node: no value'],
  ['1-4', 'claim 7', '3 line 1 (step 1): 1-4: has no interface 7 now'],
  ['1-4', 'bulk 0x83 1', '3 line 1 (step 1): 1-4 0x83: no such endpoint in configuration 1'],
  ['1-4', 'alt 0 9', '3 line 1 (step 1): 1-4:1.0: has no alternate setting 9'],
  [
    '1-4',
    'buf A 4K; ctrl 0x80 6 0x100 0 A; ctrl 0x00 9 1 0 A.lo',
    expect.stringMatching(/^2 line 1 \(step 3\): A\.lo: is not data/),
  ],
])('%s: %s is refused', (device, text, message) => {
  expect(check(device, text)).toEqual(message);
});

test('every verb has its usage', () => {
  for (const [name, { usage, summary }] of Object.entries(VERBS)) {
    expect(usage.split(' ')[0]).toBe(name);
    expect(summary).not.toBe('');
  }
});
