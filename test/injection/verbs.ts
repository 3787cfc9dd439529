import type { Sys } from '../../src/sys/sys';
import { PHYSICAL, sriovMachine } from './sriov-machine';

/** A command line of the suite. */
export interface Verb {
  /** Arguments; those that hold blanks are in quotes. */
  line: string;
  /** Lines that make the machine what the command is for. */
  before?: readonly string[];
  /** The machine, where it is no fresh simulated one. */
  machine?: () => Sys;
  /** Lines that are typed at its prompt. */
  typed?: readonly string[];
  /** It imports a module, which the tests' own loader cannot. */
  imports?: boolean;
  /** It prints verdicts, and exit code 1 stands for one that is a failure. */
  checks?: boolean;
  /** It takes seconds, and has a tenth of the cases. */
  isSlow?: boolean;
}

const EDU = '0000:00:03.0';
const NVME = '0000:01:00.0';
const trigger = (region: string) => `--trigger ${region}:0x60=1 --ack ${region}:0x64=${region}:0x24`;

/** Commands that only look. */
export const LOOKING: readonly Verb[] = [
  { line: 'list --all' },
  { line: 'show uio0' },
  { line: `show ${EDU}` },
  { line: `show ${NVME}` },
  { line: 'show 1-4' },
  { line: 'vfio groups' },
  { line: `vfio config ${EDU}` },
  { line: 'usb list --tree' },
  { line: 'doctor' },
  { line: 'metrics' },
  { line: 'udev uio0' },
  { line: 'udev uio0 --check', before: ['udev uio0 --install --group users'], checks: true },
  { line: 'uio list' },
  { line: 'vfio list' },
  { line: 'uio show uio0' },
  { line: `vfio show ${EDU}` },
  { line: 'top --count 2 --interval 50ms' },
  { line: 'report' },
  { line: 'snapshot' },
  { line: 'vfio vf', machine: sriovMachine(2) },
];

/** Commands that open a device, or change something. */
export const WORKING: readonly Verb[] = [
  { line: 'uio read uio0 map0 0' },
  { line: 'uio write uio0 map0 4 1' },
  { line: 'uio dump uio0 map0 0+32' },
  { line: `uio watch-irq uio0 --count 2 ${trigger('map0')} --timeout 100ms` },
  { line: 'uio irq uio0 enable' },
  { line: `uio bench uio0 -c 2 ${trigger('map0')} --timeout 100ms` },
  { line: `vfio info ${EDU}` },
  { line: `vfio info ${EDU} --backend group` },
  { line: `vfio config ${EDU} --open` },
  { line: `vfio read ${EDU} bar0 0` },
  { line: `vfio write ${EDU} bar0 4 1 --backend group` },
  { line: `vfio dump ${EDU} bar0 0+32` },
  { line: `vfio dump ${EDU} bar0 0+32 --mmap` },
  { line: `vfio watch-irq ${EDU} --count 2 --irq msi --loopback --timeout 100ms` },
  { line: `vfio bench ${EDU} -c 2 --sizes 4K` },
  { line: `vfio bench ${EDU} -c 2 ${trigger('bar0')} --backend group --timeout 100ms` },
  { line: `vfio dma-test ${EDU} --tier generic`, checks: true },
  { line: `vfio dma-test ${EDU} --tier edu`, checks: true },
  {
    line: `vfio dma-test ${NVME} --tier nvme --backend group`,
    before: [`bind ${NVME} vfio-pci`],
    checks: true,
    isSlow: true,
  },
  { line: `vfio reset ${NVME}`, before: [`bind ${NVME} vfio-pci`] },
  { line: `bind ${NVME} vfio-pci` },
  { line: `bind uio0 vfio-pci --save` },
  { line: `bind ${NVME} uio_pci_generic`, before: [`bind ${NVME} vfio-pci`] },
  { line: `unbind ${EDU}` },
  { line: `restore ${NVME}`, before: [`bind ${NVME} vfio-pci`] },
  { line: `restore 0000:00:04.0 --forget`, before: ['bind uio0 vfio-pci --save'] },
  { line: 'restore --all', before: [`bind ${NVME} vfio-pci`, `unbind ${EDU}`] },
  { line: 'usb show 1-2 --open' },
  { line: 'usb ctrl 1-2 0x80 6 0x0100 0 18' },
  { line: 'usb ctrl 1-3.1 0x81 6 0x2200 0 63 --detach' },
  { line: 'usb bulk 1-2 0x81 --length 1024' },
  { line: 'usb bulk 1-2 0x01 --data 00000000' },
  { line: 'usb bulk 1-4 0x81 --length 13 --detach --timeout 20ms' },
  { line: 'usb int 1-3.1 0x81 --length 8 --detach --timeout 20ms' },
  { line: 'usb iso 1-2 0x82 --alt 1 --packets 4' },
  { line: 'usb reset 1-4' },
  { line: 'usb config 1-2 2' },
  { line: 'usb config 1-3.1 1' },
  { line: 'usb config 1-4 0' },
  { line: 'usb alt 1-2:1.0 1' },
  { line: 'usb clear-halt 1-2 0x81' },
  { line: 'usb detach 1-3.1:1.0' },
  { line: 'usb attach 1-4:1.0', before: ['usb detach 1-4:1.0'] },
  { line: 'usb bench 1-2 0x81 --size 4K --queue 1 --seconds 0.01' },
  { line: `do ${EDU} 'buf A 4K' 'irq msi on' 'master on' 'write bar0:0x60 1' 'wait msi 100ms' 'free A'` },
  { line: "do uio0 'irq on' 'write map0:0x60 1' 'wait 100ms' 'write map0:0x64 1'" },
  { line: "do 1-4 'claim 0 --detach' 'ctrl 0xa1 0xfe 0 0 1'" },
  { line: 'monitor --timeout 10ms' },
  { line: `pci read ${NVME} bar0 0` },
  { line: `pci write ${NVME} bar0 0x14 0 --force` },
  { line: `pci dump ${NVME} bar0 0+32` },
  { line: `pci regs ${EDU} --map fixtures/examples/edu.map.json` },
  { line: `pci watch ${NVME} bar0:0 --count 2 --interval 50ms` },
  { line: `uio regs uio0 --map fixtures/examples/edu.map.json#EDU@map0` },
  { line: 'uio watch uio0 map0:0x8 --count 2 --interval 50ms' },
  { line: `vfio regs ${EDU} STATUS --map fixtures/examples/edu.map.json` },
  { line: `vfio watch ${EDU} bar0:0x8 --count 2 --interval 50ms` },
  { line: `diff test/injection/edu.dump ${EDU} bar0`, checks: true },
  { line: 'udev uio0 --install --group users' },
  { line: 'udev uio0 --remove', before: ['udev uio0 --install --group users'] },
  { line: `vfio vf ${PHYSICAL} 2`, machine: sriovMachine(0) },
  { line: `vfio vf ${PHYSICAL} 3 --no-probe`, machine: sriovMachine(2) },
  { line: `vfio vf ${PHYSICAL} 0`, machine: sriovMachine(2) },
  { line: 'bench report uio0 --register map0:0 -c 2 --seconds 0.01 --timeout 100ms' },
  { line: `bench report ${EDU} 1-2 --endpoint 0x81 --max-size 4K -c 2 --seconds 0.01 --timeout 100ms` },
  { line: `run test/injection/copy.mjs ${EDU} 4K`, imports: true },
  {
    line: `shell ${EDU}`,
    typed: ['buf A 4K', 'irq msi on', 'master on', 'write bar0:0x60 1', 'wait msi 100ms', 'free A'],
  },
  { line: 'shell 1-4', typed: ['claim 0 --detach', 'ctrl 0xa1 0xfe 0 0 1'] },
];

/** Verbs that have no line, and why. */
export const WITHOUT_LINE: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    'read write dump regs watch config info groups irq watch-irq bench reset'
      .split(' ')
      .map((verb) => [verb, `chooses the framework, and does what its ${verb} does`]),
  ),
  completion: 'prints what is in the package',
  man: 'prints what is in the package',
  schema: 'prints what is in the package',
  describe: 'reads a register map, and no machine',
  'map add': 'changes files of the user, and no machine',
  'map list': 'reads files of the user, and no machine',
  'map remove': 'changes files of the user, and no machine',
};
