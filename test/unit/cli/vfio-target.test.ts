import { changeBindings } from '../../../src/bind/bind';
import type { Context } from '../../../src/cli/program/context';
import { vfioTarget } from '../../../src/cli/registers/vfio';
import { findDevice } from '../../../src/devices/select';
import { NO_NAMES } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { MemoryState } from '../../../src/sys/state';

test('a write does not outlive the close where that restores or resets', async () => {
  const { sys } = simulatedMachine();
  const lasting = async (address: string) => {
    await changeBindings(
      sys,
      new MemoryState(),
      { kind: 'bind', driver: 'vfio-pci', addresses: [address] },
      { force: true },
    );
    const device = findDevice(sys, NO_NAMES, address);
    if (device.framework !== 'vfio') throw new Error('not bound to a VFIO driver');
    const target = vfioTarget({ sys } as unknown as Context, device, {});
    target.open({ write: true })[Symbol.dispose]();
    return [target.writeNote?.('bar0'), target.writeNote?.('config')];
  };
  const restored = expect.stringMatching(/has restored the header/);
  expect(await lasting('0000:01:00.0')).toEqual([expect.stringMatching(/has reset it/), restored]);
  expect(await lasting('0000:00:03.0')).toEqual([null, restored]);
});
