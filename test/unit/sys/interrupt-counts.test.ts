import fc from 'fast-check';
import { parseInterruptCounts } from '../../../src/sys/readers/interrupt-counts';

test('the counts of all CPUs together, of numbered lines', () => {
  const text = [
    '           CPU0       CPU1       ',
    '  0:         80          0  IR-IO-APIC   2-edge      timer',
    ' 20:          1          2  IR-IO-APIC  20-fasteoi   uio_pci_generic, nvme0q0',
    '4096:  4294967295 4294967295  IR-PCI-MSIX-0000:01:00.0   1-edge      nvme0q1',
    '  7:          0          5  16 edge name that begins with a number',
    'NMI:          9          9   Non-maskable interrupts',
    'ERR:          0',
    '',
  ].join('\n');
  expect([...parseInterruptCounts(text)]).toEqual([
    [0, 80],
    [20, 3],
    [4096, 8589934590],
    [7, 5],
  ]);
});

test('one CPU among several that are off', () => {
  expect([...parseInterruptCounts('           CPU3\n 11:   4  GICv3  27 Level  arch_timer\n')]).toEqual([[11, 4]]);
});

test('garbage is left out, whatever it is', () => {
  const part = fc.oneof(fc.string(), fc.constantFrom('\n', ' ', ':', 'CPU0', '1:', '20', '4294967295', '\0', '-'));
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      for (const [line, count] of parseInterruptCounts(parts.join(''))) {
        expect(Number.isSafeInteger(line) && line >= 0).toBe(true);
        expect(count).toBeGreaterThanOrEqual(0);
      }
    }),
  );
});
