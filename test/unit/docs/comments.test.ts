import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from '../../../src';
import * as e1000e from '../../../src/drivers/e1000e';
import * as edu from '../../../src/drivers/edu';
import * as ftdi from '../../../src/drivers/ftdi';
import * as nvme from '../../../src/drivers/nvme';
import * as usbStorage from '../../../src/drivers/usb-storage';
import { runProgram, typeErrors } from '../../support/programs';

// The examples in the comments, which `npm run docs` shows: each is compiled, and run on the simulated machine if it is one
// that ends there. The names that an example takes from around it are made by its setup here.

const SRC = join(__dirname, '../../../src');
const { simulatedMachine } = library;

const MODULES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  udrv: library,
  'udrv/drivers/e1000e': e1000e,
  'udrv/drivers/edu': edu,
  'udrv/drivers/ftdi': ftdi,
  'udrv/drivers/nvme': nvme,
  'udrv/drivers/usb-storage': usbStorage,
};

interface Setup {
  /** Lines in front of the example. */
  before?: string;
  machine?: () => library.Sys;
  /** The reason why it is compiled alone. */
  endless?: string;
}

const SETUPS: Readonly<Record<string, Setup>> = {
  'cleanup.ts': { before: "const path = '/dev/uio0';" },
  'drivers/e1000e.ts': {
    before: info('0000:00:0d.0', 'vfio'),
    machine: () => withVfio(simulatedMachine({ more: ['network'] }).sys, '0000:00:0d.0'),
  },
  'drivers/edu.ts': { before: info('uio0', 'uio') },
  'drivers/ftdi.ts': { before: info('1-7', 'usb'), endless: 'reads for ever' },
  'drivers/nvme.ts': {
    before: info('0000:01:00.0', 'vfio'),
    machine: () => withVfio(simulatedMachine().sys, '0000:01:00.0', 'nvme'),
  },
  'drivers/usb-storage.ts': { before: info('1-4', 'usb') },
  // Here it waits for an interrupt that nothing raises.
  'index.ts': { endless: 'waits for a device' },
  'monitor/monitor.ts': { endless: 'listens for ever' },
  'pci/device.ts': { before: info('0000:00:0a.0', 'pci') },
  'session/session.ts': { before: info('0000:00:03.0', 'vfio') },
  'uio/device.ts': { before: info('uio0', 'uio') },
  'uio/u-dma-buf.ts': {
    before: `${info('uio0', 'uio')} using device = UioDevice.open(sys, info, { write: true });`,
    endless: 'has no u-dma-buf on the simulated machine',
  },
  'usb/device/device.ts': { before: `${info('1-2', 'usb')} const inspected = info;` },
  'usb/transfer/streams.ts': {
    before: `${info('1-2', 'usb')}
      using device = UsbDevice.open(sys, info);
      device.claim(0);
      const file = { write(piece: Uint8Array) { if (piece.length === 0) throw new Error('an empty piece'); } };`,
  },
  'vfio/device/device.ts': { before: info('0000:00:03.0', 'vfio') },
};

/** Returns lines that find a device. */
function info(address: string, framework: string): string {
  return `const info = findDevice(sys, new NameDatabase(sys), '${address}');
    if (info.framework !== '${framework}') throw new Error('not of this framework');`;
}

/** Gives a function to VFIO. @param from the driver that has it */
function withVfio(sys: library.Sys, address: string, from?: string): library.Sys {
  if (from !== undefined) sys.writeFile(`/sys/bus/pci/drivers/${from}/unbind`, address);
  sys.writeFile(`/sys/bus/pci/devices/${address}/driver_override`, 'vfio-pci');
  sys.writeFile('/sys/bus/pci/drivers_probe', address);
  return sys;
}

const examples = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => examplesIn(readFileSync(join(SRC, file), 'utf8')).map((code) => ({ file, code })));

function examplesIn(source: string): string[] {
  const found = source.matchAll(/^ *\* @example\n((?: *\*(?!\/).*\n)+)/gm);
  return Array.from(found, ([, lines = '']) => lines.replace(/^ *\* ?/gm, ''));
}

/** Returns an example with what it takes from around it, without its imports. */
function bodyOf({ file, code }: { file: string; code: string }): string {
  const { before = '' } = SETUPS[file] ?? {};
  return `${before}\n${code.replace(/^import .*\n/gm, '').replace(/^const sys = .*\n/gm, '')}`;
}

/** Returns the exports that a program uses, by their modules. */
function usedIn(body: string): [module: string, names: string[]][] {
  const words = new Set(body.match(/\b[A-Za-z]\w*\b/g));
  return Object.entries(MODULES).map(([module, exports]) => [
    module,
    Object.keys(exports).filter((name) => words.has(name)),
  ]);
}

/** Writes out a program, with its imports. */
function programOf(body: string): string {
  const imports = usedIn(`LinuxSys ${body}`).map(
    ([module, names]) => `import { ${names.join(', ')} } from '${module}';`,
  );
  return `${imports.join('\n')}\nconst sys = new LinuxSys();\n${body}`;
}

test('there are examples, and each has its setup', () => {
  expect(examples.map(({ file }) => file).sort()).toEqual(Object.keys(SETUPS).sort());
});

test('they type-check', () => {
  expect(typeErrors(examples.map((example) => programOf(bodyOf(example))))).toBe('');
}, 60_000);

const finite = examples.filter(({ file }) => SETUPS[file]?.endless === undefined);

test.each(finite)('that of $file runs', async ({ file, code }) => {
  const body = bodyOf({ file, code });
  const names = Object.fromEntries(
    usedIn(body).flatMap(([module, used]) => used.map((name) => [name, MODULES[module]?.[name]])),
  );
  const sys = SETUPS[file]?.machine?.() ?? simulatedMachine().sys;
  await runProgram(body, { ...names, sys, console: { log() {}, error() {} } });
});
