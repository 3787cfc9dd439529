// Memory for DMA: pools on the simulated machine.
import { findDevice } from '../../../src/devices/select';
import { UdrvError } from '../../../src/errors';
import { NameDatabase } from '../../../src/names/database';
import { type SimulatedMachine, simulatedMachine } from '../../../src/sim';
import { VfioDevice } from '../../../src/vfio/device/device';
import { READ_WRITE } from '../../../src/vfio/dma/buffer';

const MIB = 2 ** 20;
const POOL = '/sys/kernel/mm/hugepages/hugepages-2048kB';

let sim: SimulatedMachine;
let device: VfioDevice;
beforeEach(() => {
  sim = simulatedMachine();
  const info = findDevice(sim.sys, new NameDatabase(sim.sys), '0000:00:03.0');
  if (info.framework !== 'vfio') throw new Error('edu is not bound to a VFIO driver');
  device = VfioDevice.open(sim.sys, info);
});
afterEach(() => device.close());

const textOf = (path: string) => sim.sys.readFile(path).toString().trim();

function failure(call: () => unknown): UdrvError {
  try {
    call();
  } catch (error) {
    if (error instanceof UdrvError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

test('pools of one device share its addresses', () => {
  using one = device.pool();
  using other = device.pool();
  const buffers = [one.allocate(8192), other.allocate(4096), one.allocate(4096)];
  expect(buffers.map(({ iova }) => iova)).toEqual([0x100000n, 0x102000n, 0x103000n]);
  for (const buffer of buffers) buffer.map(READ_WRITE);
  one.close();
  expect(buffers.map(({ mapped }) => mapped)).toEqual([false, true, false]);
  expect(other.allocate(4096).iova).toBe(0x100000n);
});

test('a buffer lies within the reach of the device', () => {
  using pool = device.pool({ addressBits: 32 });
  expect(pool.allocate(4096, { alignment: 1n << 31n }).iova).toBe(0x80000000n);
  // Address 0 is a multiple of everything; it is given last.
  expect(pool.allocate(4096, { alignment: 1n << 32n }).iova).toBe(0n);
  const error = failure(() => pool.allocate(4096, { alignment: 1n << 32n }));
  expect(error).toMatchObject({ code: 'ENOSPC', exit: 1 });
  expect(pool.allocate(4096, { alignment: 1n << 32n, addressBits: 64 }).iova).toBe(1n << 32n);
});

test('the close of the device closes its pools, after bus mastering is off', () => {
  const before: string[] = [];
  const pool = device.pool();
  const buffer = pool.allocate(4096);
  buffer.map(READ_WRITE);
  device.setBusMaster(true);
  const config = device.region('config');
  const write = config.write.bind(config);
  config.write = (offset, width, value) => {
    before.push(`command ${value}, ${buffer.mapped ? 'mapped' : 'unmapped'}`);
    write(offset, width, value);
  };
  device.close();
  expect(before).toEqual([expect.stringMatching(/^command \d+, mapped$/)]);
  expect(buffer.mapped).toBe(false);
  expect(() => buffer.bytes).toThrow('is closed');
});

describe('huge pages', () => {
  test('are taken from the pool, aligned for the IOMMU, and given back', () => {
    using pool = device.pool({ hugePage: 2 * MIB });
    pool.allocate(4096, { hugePage: undefined });
    const buffer = pool.allocate(3 * MIB, { numaNode: 0 });
    expect(buffer.length).toBe(4 * MIB);
    expect(buffer.iova).toBe(0x200000n);
    expect(textOf(`${POOL}/free_hugepages`)).toBe('6');
    buffer.map(READ_WRITE);
    pool.close();
    expect(textOf(`${POOL}/free_hugepages`)).toBe('8');
  });

  test('too few: the error has the command, which helps', () => {
    using pool = device.pool();
    const wanted = () => pool.allocate(20 * MIB, { hugePage: 2 * MIB });
    const error = failure(wanted);
    expect(error).toMatchObject({ code: 'ENOMEM', exit: 1 });
    expect(error.message).toBe('10 huge pages of 2M are needed, 8 are free');
    const [, count = '', path = ''] = /^echo (\d+) \| sudo tee (\S+)$/.exec(error.hint ?? '') ?? [];
    sim.sys.writeFile(path, `${count}\n`);
    expect(wanted().length).toBe(20 * MIB);
  });

  test('too few on a node', () => {
    using pool = device.pool({ hugePage: 2 * MIB, numaNode: 0 });
    const error = failure(() => pool.allocate(18 * MIB));
    expect(error.message).toBe('9 huge pages of 2M are needed on NUMA node 0, 8 are free');
    expect(error.hint).toBe('echo 9 | sudo tee /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages');
  });

  test('of a size that the kernel does not have', () => {
    using pool = device.pool();
    const error = failure(() => pool.allocate(MIB, { hugePage: 1024 * MIB }));
    expect(error).toMatchObject({ code: 'EINVAL', exit: 9, message: 'the kernel has no huge pages of 1G' });
    expect(error.hint).toBe('the sizes here: 2M');
  });
});

test('a NUMA node that is not there', () => {
  using pool = device.pool();
  const error = failure(() => pool.allocate(4096, { numaNode: 3 }));
  expect(error).toMatchObject({ code: 'EINVAL', exit: 9, message: 'there is no NUMA node 3' });
  expect(error.hint).toBe('the nodes here: node0');
});

test('memory that two devices share is given back by the last of them', () => {
  sim.sys.writeFile('/sys/bus/pci/devices/0000:00:0a.0/driver/unbind', '0000:00:0a.0');
  sim.sys.writeFile('/sys/bus/pci/devices/0000:00:0a.0/driver_override', 'vfio-pci');
  sim.sys.writeFile('/sys/bus/pci/drivers_probe', '0000:00:0a.0');
  const info = findDevice(sim.sys, new NameDatabase(sim.sys), '0000:00:0a.0');
  if (info.framework !== 'vfio') throw new Error('the testdev is not bound to a VFIO driver');
  using second = VfioDevice.open(sim.sys, info);
  using one = device.pool();
  using other = second.pool();
  other.allocate(4096);
  const buffer = one.allocate(4096);
  const shared = other.share(buffer);
  expect([buffer.iova, shared.iova, buffer.mapped, shared.mapped]).toEqual([0x100000n, 0x101000n, false, false]);
  buffer.map(READ_WRITE);
  shared.map(READ_WRITE);
  buffer.bytes[7] = 9;
  expect(shared.bytes[7]).toBe(9);
  buffer.close();
  buffer.close();
  expect(() => other.share(buffer)).toThrow('is closed');
  expect([shared.mapped, shared.bytes[7]]).toEqual([true, 9]);
  shared.close();
  expect(() => shared.bytes).toThrow('is closed');
});
