import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SimSys } from '../../src/sim';
import { UsbFtdi } from '../../src/sim/devices/usb-ftdi';
import { Kernel } from '../../src/sim/kernel/kernel';
import { Machine } from '../../src/sim/machine';
import { InjectedErrors } from '../../src/sim/syscalls/injected-errors';
import { parseSnapshot } from '../../src/sys/tree/snapshot';

const BASE = join(__dirname, '../../fixtures/sim.snapshot');
/** The disk's directory, in whose image the adapter's is made. */
const DISK = '/sys/devices/pci0000:00/0000:00:07.0/usb1/1-4/';
/** QEMU's usb-serial as the lab's kernels see it, at the port that the lab has it at. */
const ADDRESS = '1-7';
const DESCRIPTORS =
  '12010002000000080304016000040102030109022000010100a0320904000002ffffff0007058102400000' + '07050202400000';
const ATTRIBUTES: Readonly<Record<string, string>> = {
  bcdDevice: '0400',
  bMaxPacketSize0: '8',
  configuration: '',
  devnum: '6',
  devpath: '7',
  idProduct: '6001',
  idVendor: '0403',
  manufacturer: 'QEMU',
  product: 'QEMU USB SERIAL',
  serial: '1-0000:00:07.0-7',
  speed: '12',
};

/** The simulated machine with a serial adapter more. */
export function machineWithFtdi(): { sys: SimSys; machine: Machine; address: string; adapter: UsbFtdi } {
  const base = readFileSync(BASE, 'utf8');
  const added = base
    .split('\n')
    .filter((line) => line.startsWith(DISK) && !line.startsWith(`${DISK}1-4:1.0/`))
    .map((line) => {
      const [, name = '', rest = ''] = /^(\S+)( .*)$/.exec(line.slice(DISK.length)) ?? [];
      const value = ATTRIBUTES[name];
      const shown = name === 'descriptors' ? ` : ${DESCRIPTORS}` : value === undefined ? rest : ` = ${value}`;
      return `${DISK.replace('1-4', ADDRESS)}${name}${shown}`;
    });
  const link = `/sys/bus/usb/devices/${ADDRESS} -> ../../..${DISK.slice('/sys'.length, -1).replace('1-4', ADDRESS)}`;
  const [head = '', count] = base.split('# end ');
  const lines = [link, ...added];
  const text = `${head}${lines.join('\n')}\n# end ${Number(count) + lines.length}\n`;
  const kernel = new Kernel(parseSnapshot(Buffer.from(text), BASE));
  const machine = new Machine(kernel);
  const { fn } = machine.usbDevice(ADDRESS);
  if (!(fn instanceof UsbFtdi)) throw new Error(`${ADDRESS} is no serial adapter`);
  return { sys: new SimSys(kernel, new InjectedErrors()), machine, address: ADDRESS, adapter: fn };
}
