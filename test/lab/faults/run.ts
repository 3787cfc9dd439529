import { join } from 'node:path';
import type { Finding } from '../../../src/doctor/check';
import type { Diagnosis } from '../../../src/doctor/diagnose';
import { wordsOfUdrv } from '../../support/warm-words';
import type { Kernel, Lab } from '../lab';
import { LAB_FOLDER } from '../prepared';
import type { LabFault, Machine } from './fault';
import { MACHINES } from './machine';
import type { Recorded } from './recorded';

const SHELL = join(LAB_FOLDER, 'faults/shell.sh');
/** Emulation, on a busy host. */
const LIMIT_MS = 240_000;
const TYPING_MS = 1000;

type DoctorJson = Pick<Diagnosis, 'device' | 'purpose' | 'findings'>;

/** All that was seen of a fault in the guest. */
export interface Outcome {
  /** Exit code of the operation with the fault. */
  failed: number | null;
  /** The first finding. */
  first: string | null;
  /** The command that it prints and that was run, and its exit code; null where nothing was run. */
  command: string | null;
  mended: number | null;
  /** Exit code of the operation after that; null where it was not tried. */
  succeeded: number | null;
  /** The boot that the finding names. */
  next: Machine | null;
  /** What a copy of the machine is compared with, if that was asked for. */
  recorded: Recorded | null;
  /** Everything that was printed on stderr. */
  log: string;
}

/** The outcome that a fault has to have, without its log. */
export function expected({ fails, first, mend = 'command' }: LabFault): Partial<Outcome> {
  const done = mend === 'command' ? 0 : null;
  return { failed: fails, first, mended: done, succeeded: done };
}

/** Makes a guest ready for faults. */
export async function prepareGuest(lab: Lab): Promise<void> {
  await asRoot(lab, 'set_up');
}

/** QEMU's arguments for the devices that only this table has, with files of zeros that the guest may write. */
export const devices = (disk: string, stick: string): string[] => [
  ...['-device', 'e1000e,addr=0b.0'],
  ...['-blockdev', `driver=file,filename=${disk},node-name=bind0`],
  ...['-device', 'nvme,addr=0c.0,drive=bind0,serial=UDRVBIND'],
  ...['-blockdev', `driver=file,filename=${stick},node-name=stick`],
  ...['-device', 'usb-storage,bus=xhci.0,port=6,drive=stick,serial=UDRV0006'],
  ...['-device', 'pvpanic-pci,addr=0d.0'],
  ...['-device', 'nvme-subsys,id=subsystem'],
  ...['-device', 'pcie-root-port,id=rp1,addr=0e.0,chassis=2'],
  ...[
    '-device',
    'nvme,bus=rp1,serial=UDRVPF,subsys=subsystem,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,max_ioqpairs=6,msix_qsize=7',
  ],
];

/** Puts a fault in, and takes it back again. @param record a snapshot of the machine with the fault in it, too */
export async function runFault(lab: Lab, fault: LabFault, record = false): Promise<Outcome> {
  const { inject, undo, operation, mend = 'command' } = fault;
  if (inject !== undefined) await asRoot(lab, inject);
  const outcome: Outcome = {
    failed: null,
    first: null,
    command: null,
    mended: null,
    succeeded: null,
    next: null,
    recorded: null,
    log: '',
  };
  try {
    const before = await asPerson(lab, fault, operation);
    outcome.failed = before.code;
    const doctor = await asPerson(lab, fault, `udrv --json doctor ${fault.doctor}`);
    outcome.log = `${before.stderr}${doctor.stderr}`;
    const { device, purpose, findings } = JSON.parse(doctor.stdout || '{"findings":[]}') as DoctorJson;
    const [first] = findings;
    outcome.first = first?.id ?? null;
    if (record && first !== undefined) {
      const { stdout: snapshot } = await asPerson(lab, fault, 'udrv snapshot');
      const { id, severity, means } = first;
      const selector = device?.address ?? null;
      outcome.recorded = { kernel: lab.kernel, name: fault.name, selector, purpose, id, severity, means, snapshot };
    }
    if (first === undefined || mend === 'nothing') return outcome;
    if (mend === 'boot') {
      outcome.next = nextBoot(MACHINES[fault.machine ?? 'usual'], first.mend);
      return outcome;
    }
    const text = first.mend.find(({ kind }) => kind === 'command')?.text;
    if (text === undefined) return outcome;
    outcome.command = text;
    const { stderr, ...codes } = await mendAndTry(lab, fault, text);
    outcome.log += stderr;
    return Object.assign(outcome, codes);
  } finally {
    if (undo !== undefined) await asRoot(lab, undo);
  }
}

/** Runs the command of a finding, and then what failed before; null where a shell did not come so far. */
async function mendAndTry(lab: Lab, fault: LabFault, mend: string) {
  const { operation } = fault;
  // A limit that it sets is that of the shell that it is typed into.
  if (mend.includes('$$')) {
    const lines = `${mend}\nmended=$?\n${operation}\nprintf '\\n%s %s' $mended $?`;
    const { stdout, stderr } = await asPerson(lab, fault, lines);
    const [mended = null, succeeded = null] = /\n(\d+) (\d+)$/.exec(stdout)?.slice(1).map(Number) ?? [];
    return { mended, succeeded, stderr };
  }
  const first = await asPerson(lab, fault, mend);
  // The program that it ends takes a moment, as does the person who types on.
  if (/\bkill\b/.test(mend)) await new Promise((resolve) => setTimeout(resolve, TYPING_MS));
  const then = await asPerson(lab, fault, operation);
  return { mended: first.code, succeeded: then.code, stderr: `${first.stderr}${then.stderr}` };
}

/** Tries what failed, after the boot that was named. */
export async function runAfterBoot(lab: Lab, fault: LabFault): Promise<number | null> {
  const { code } = await asPerson(lab, fault, fault.operation);
  if (fault.undo !== undefined) await asRoot(lab, fault.undo);
  return code;
}

/** Devices that are ready for use, as the guest has them from its boot on; empty: the machine. */
const READY = ['', '0000:00:03.0 --for vfio', 'uio0 --for uio', '3-1 --for usb', '1-5 --for usb'];

/** The machine, asked about by an ordinary user. */
const ORDINARY = '--for usb';

/** Asks about what is ready for use, and returns the findings that doctor has nevertheless, but for notes. */
export async function falseAlarms(lab: Lab): Promise<string[]> {
  // A device that sleeps while nobody uses it is ready too.
  await asRoot(lab, 'drive 0000:01:00.0 vfio-pci');
  const alarms: string[] = [];
  for (const question of [...READY, '0000:01:00.0', ORDINARY]) {
    const user = question === ORDINARY;
    const { code, stdout } = await ask(lab, { user, lines: `udrv --json doctor ${question}` });
    const { findings } = JSON.parse(stdout) as DoctorJson;
    const found = findings.filter(({ severity }) => severity !== 'note');
    if (code !== 0 || found.length > 0) alarms.push(`${question || 'the machine'}: ${found.map(({ id }) => id)}`);
  }
  await asRoot(lab, 'drive 0000:01:00.0');
  return alarms;
}

async function asRoot(lab: Lab, lines: string): Promise<void> {
  const { code, stderr } = await lab.run(['bash', '-c', `. ${SHELL}\n${lines}`], { timeoutMs: LIMIT_MS });
  if (code !== 0) throw new Error(`${lines}\nended with ${code}: ${stderr}`);
}

function asPerson(lab: Lab, { session, user }: LabFault, lines: string) {
  return ask(lab, { user: user ?? false, lines: session === undefined ? lines : `${session}\n${lines}` });
}

/** Runs lines as typed into a shell; a line of udrv alone, also with sudo, in a process that is there. */
function ask(lab: Lab, { user, lines }: { user: boolean; lines: string }) {
  const withoutSudo = lines.replace(/^sudo (?=udrv )/, '');
  const isWarm = wordsOfUdrv(withoutSudo) !== null;
  const asUser = user && !(isWarm && withoutSudo !== lines);
  const env = { USER: asUser ? '1000' : 'root' };
  return lab.run(isWarm ? withoutSudo : ['bash', '-c', lines], { user: asUser, env, timeoutMs: LIMIT_MS });
}

/** Returns the boot that a finding names: arguments of the kernel, and those of QEMU. */
function nextBoot({ iommu, parameters }: Machine, mends: Finding['mend']): Machine {
  const next = { iommu, parameters: { ...parameters } as Record<string, string | null> };
  for (const mend of mends) {
    if (mend.kind === 'firmware') next.iommu = /-device (intel-iommu\S*)/.exec(mend.text)?.[1] ?? next.iommu;
    if (mend.kind !== 'kernel-argument') continue;
    const [name = '', value = ''] = mend.text.split('=');
    if (mend.action === 'add') next.parameters[name] = value;
    else if (next.parameters[name] === value) delete next.parameters[name];
  }
  // What every guest has need not be said.
  for (const [name, value] of Object.entries(next.parameters)) if (ALWAYS[name] === value) delete next.parameters[name];
  return next;
}

const ALWAYS: Readonly<Record<string, string>> = { intel_iommu: 'on' };

/** Tells whether a boot is the usual one. */
export function isUsual(machine: Machine): boolean {
  return JSON.stringify(machine) === JSON.stringify(MACHINES.usual);
}

export const isFor = (kernel: Kernel) => (fault: LabFault) => fault.kernels?.includes(kernel) ?? true;
