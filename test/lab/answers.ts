/** What udrv answers on each machine of the lab: MACHINES.md is made of it, and machines.test.ts holds it to that. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootLab, type Kernel, type Lab, MACHINES, type MachineName } from './lab';
import { LAB_FOLDER } from './prepared';

export interface Case {
  readonly machine: MachineName;
  readonly kernel: Kernel;
}

/** The machines with the kernel that knows most of them, and the usual one with each kernel. */
export const CASES: readonly Case[] = [
  { machine: 'vt-d', kernel: 'stock' },
  { machine: 'vt-d', kernel: 'built' },
  { machine: 'vt-d', kernel: 'newer' },
  { machine: 'vt-d-48', kernel: 'built' },
  { machine: 'passthrough', kernel: 'built' },
  { machine: 'no-intremap', kernel: 'built' },
  { machine: 'amd-vi', kernel: 'built' },
  { machine: 'virtio-iommu', kernel: 'built' },
  { machine: 'virtio-iommu-unsafe', kernel: 'built' },
  { machine: 'none', kernel: 'built' },
  { machine: 'noiommu', kernel: 'built' },
  { machine: 'arm64', kernel: 'built' },
];

const EDU = '0000:00:03.0';
const UIO_EDU = '/sys/bus/pci/devices/0000:00:04.0/uio';
const uioIrq = (device: string) =>
  `udrv uio watch-irq ${device} -c 2 --trigger map0:0x60=1 --ack map0:0x64=map0:0x24 --timeout 60s`;
/** Emulation, on a busy host: a test of DMA takes seconds where nothing else runs. */
const TIMEOUT_MS = 240_000;

const COLUMNS = [
  'machine',
  'kernel',
  'IOMMU',
  'list',
  'uio watch-irq',
  'usb ctrl',
  'bind NVMe vfio-pci',
  'vfio info edu',
  'dma-test edu, group',
  'dma-test edu, iommufd',
  'dma-test NVMe',
  'doctor edu',
  'doctor',
] as const;

/** A line of the table by its columns, and what was printed where `vfio info` failed. */
export interface Answers {
  readonly cells: Readonly<Record<(typeof COLUMNS)[number], string>>;
  readonly said: string;
}

/** Asks a guest everything. What it changes is put back but for the NVMe controller's driver. */
export async function answersOf(lab: Lab, { machine }: Case): Promise<Answers> {
  const run = (command: string) => lab.run(command, { timeoutMs: TIMEOUT_MS });
  const { nvme } = MACHINES[machine];
  const list = await run('udrv --json list');
  const uio = await lab.evaluate((fs, path) => fs.readdirSync(path).join(), UIO_EDU);
  const [doctorEdu, doctor] = [await run(`udrv --json doctor ${EDU} --for vfio`), await run('udrv --json doctor')];
  const info = await run(`udrv vfio info ${EDU}`);
  const dmaTest = (device: string, backend: string) => run(`udrv vfio dma-test ${device} ${backend}`);
  const edu = [await dmaTest(EDU, '--backend group'), await dmaTest(EDU, '--backend iommufd')] as const;
  const rest = {
    uio: await run(uioIrq(uio)),
    usb: await run('udrv usb ctrl 1-4 GET_DESCRIPTOR device'),
    bind: await run(`udrv bind ${nvme} vfio-pci`),
    nvme: await dmaTest(nvme, ''),
  };
  const header = edu.map(({ stdout }) => headerOf(stdout)).find((text) => text !== null) ?? null;
  return {
    cells: {
      machine,
      kernel: lab.release.split('.').slice(0, 2).join('.'),
      IOMMU: header ?? '-',
      list: counts(list.stdout),
      'uio watch-irq': exit(rest.uio),
      'usb ctrl': exit(rest.usb),
      'bind NVMe vfio-pci': exit(rest.bind),
      'vfio info edu': exit(info),
      'dma-test edu, group': verdict(edu[0]),
      'dma-test edu, iommufd': verdict(edu[1]),
      'dma-test NVMe': verdict(rest.nvme),
      'doctor edu': findings(doctorEdu),
      doctor: findings(doctor),
    },
    said: info.code === 0 ? '' : info.stderr.trim(),
  };
}

/** Boots the machine of a case and asks it. */
export async function bootAndAsk(wanted: Case): Promise<Answers> {
  const lab = await bootLab({ processors: 1, ...wanted });
  try {
    return await answersOf(lab, wanted);
  } finally {
    await lab.shutdown();
  }
}

interface Printed {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Returns an exit code, with the errno that the error line ends with. */
function exit({ code, stderr }: Printed): string {
  const errno = code === 0 ? undefined : /\((E[A-Z]+)\)$/m.exec(stderr)?.[1];
  return errno === undefined ? `${code}` : `${code} ${errno}`;
}

/** Returns what a test of DMA came to: isolated or not, and the checks that did not pass. */
function verdict(printed: Printed): string {
  const { code, stdout } = printed;
  const result = /^result: .*?(IOMMU isolates this device|NOT isolated|not found out)/ms.exec(stdout)?.[1];
  if (result === undefined) return exit(printed);
  const isolated = { IOMMU: 'isolated', NOT: 'not isolated', not: 'unknown' }[result.split(' ')[0] ?? ''];
  const others = [...stdout.matchAll(/^(FAIL|SKIP|INCONCLUSIVE) +(\S+)/gm)].map(
    ([, what = '', name]) => `${what.toLowerCase()} ${name}`,
  );
  return [`${code} ${isolated}`, ...others].join(', ');
}

/** Returns the part of a test's first line that is about the IOMMU. */
function headerOf(stdout: string): string | null {
  const text = /^device .*?^(?=PASS|FAIL)/ms.exec(stdout)?.[0].replace(/\s+/g, ' ');
  const match = /IOMMU (?:\S+ \((.*?)\)|(none)) group \S+ (\S+)/.exec(text ?? '');
  return match === null ? null : `${match[1] ?? match[2]}, ${match[3]}`;
}

function counts(stdout: string): string {
  const { devices } = JSON.parse(stdout) as { devices: { framework: string }[] };
  return ['uio', 'vfio', 'usb']
    .map((name) => `${devices.filter(({ framework }) => framework === name).length} ${name}`)
    .join(', ');
}

function findings({ code, stdout }: Printed): string {
  const { findings } = JSON.parse(stdout) as { findings: { id: string; severity: string }[] };
  const ids = findings.filter(({ severity }) => severity !== 'note').map(({ id }) => id);
  return [`${code}`, ...ids].join(' ');
}

export const TABLE = join(LAB_FOLDER, 'MACHINES.md');

/** Returns the page: the table, and what is said where a device cannot be opened. */
export function page(all: readonly Answers[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return `# What udrv answers on the lab's machines

Made by \`npm run lab -- --table\`, which boots each machine; \`test/lab/machines.test.ts\` holds udrv to it. A number is an
exit code, what follows it an errno, the verdict of a test with the checks that did not pass, or what \`doctor\` found.
\`npm run lab -- --list\` says what the machines are.

${line(COLUMNS)}
${line(COLUMNS.map(() => '---'))}
${all.map(lineOf).join('\n')}

Where \`udrv vfio info\` cannot open the device, it says why:

${all
  .filter(({ said }) => said !== '')
  .map(saidOf)
  .join('\n\n')}
`;
}

/** Returns the line of the table. */
export function lineOf({ cells }: Answers): string {
  return `| ${COLUMNS.map((name) => cells[name]).join(' | ')} |`;
}

/** Returns the paragraph with what was said. */
export function saidOf({ cells: { machine, kernel }, said }: Answers): string {
  return `- ${machine} (${kernel}):\n\n${said.replace(/^/gm, '      ')}`;
}

/** Returns the page as the repository has it. */
export function readPage(): string {
  return readFileSync(TABLE, 'utf8');
}
