import { interruptNote } from '../../../src/cli/vfio/info';
import type { Region } from '../../../src/model/device';
import type { IrqInfo } from '../../../src/vfio/device/irq-set';

const irq = (name: string) => ({ name }) as IrqInfo;
const config = (size: number) => [{ name: 'config', size } as Region];

test('ERR is never signalled on a function without PCI Express', () => {
  expect(interruptNote(irq('err'), config(256))).toMatch(/^never signalled/);
  expect(interruptNote(irq('err'), config(4096))).toBeNull();
  expect(interruptNote(irq('err'), [])).toBeNull();
  expect(interruptNote(irq('req'), config(256))).toBeNull();
});
