import { simulatedMachine } from '../../src/sim';
import { Journal, type Processes } from '../../src/sys/journal';
import { MemoryState } from '../../src/sys/state';
import type { Sys } from '../../src/sys/sys';
import { PCI_COMMAND, PCI_COMMAND_MASTER } from '../../src/uapi/pci-regs';
import { type Ran, runCommand } from './command';
import { FaultySys, isChange, Killed } from './faulty-sys';
import { differences, settingsOf } from './machine-state';

/** A command that is killed, and the one that mends what it has left. */
export interface KilledLine {
  line: string;
  /** Lines before it that change what the command that mends is to put back too. */
  before?: readonly string[];
  /** Switches the bus mastering on of the function behind uio0, as a program does that drives it. */
  isDriven?: boolean;
  next: string;
}

const NVME = '0000:01:00.0';
const EDU = '0000:00:03.0';
/** A command that works with a device, and has nothing to do with the one that was killed. */
const ANOTHER = 'usb ctrl usb1 0x80 6 0x0100 0 18';

export const KILLED: readonly KilledLine[] = [
  { line: `bind ${NVME} vfio-pci`, next: 'restore --all' },
  { line: `bind ${NVME} uio_pci_generic`, before: [`bind ${NVME} vfio-pci`], next: 'restore --all' },
  { line: 'bind uio0 vfio-pci --save', next: 'restore 0000:00:04.0 --forget' },
  { line: `unbind ${EDU}`, next: `restore ${EDU}` },
  { line: `unbind ${NVME}`, before: [`bind ${NVME} vfio-pci`], next: 'restore --all' },
  { line: `restore ${NVME}`, before: [`bind ${NVME} vfio-pci`], next: 'restore --all' },
  { line: 'restore --all', before: [`bind ${NVME} vfio-pci`, `unbind ${EDU}`], next: 'restore --all' },
  { line: 'usb bulk 1-4 0x81 --length 13 --detach --timeout 20ms', next: ANOTHER },
  { line: 'usb int 1-3.1 0x81 --length 8 --detach --timeout 20ms', next: ANOTHER },
  { line: 'usb ctrl 1-3.1 0x81 6 0x2200 0 63 --detach', next: 'usb attach --all' },
  { line: 'usb alt 1-4:1.0 0 --detach', next: 'restore --all' },
  { line: 'usb config 1-3.1 1', next: ANOTHER },
  { line: "do 1-4 'claim 0 --detach' 'ctrl 0xa1 0xfe 0 0 1'", next: ANOTHER },
  { line: 'uio read uio0 map0 0', isDriven: true, next: ANOTHER },
  { line: 'uio dump uio0 map0 0+16', isDriven: true, next: 'restore --all' },
];

/** Processes by number, of which one is alive at a time: the command that runs. */
class OneByOne implements Processes {
  pid = 100;

  startOf(pid: number): string | null {
    return pid === this.pid ? String(pid) : null;
  }
}

const DEAD: Ran = { exit: 137, stdout: '', stderr: '' };

/** Lets pass what goes on in a process that was killed: its timers are still there. */
function ignoreKilled(error: unknown): void {
  if (!(error instanceof Killed)) throw error;
}

/** A machine with what udrv remembers of it, and the commands that run there one after another. */
class Boot {
  readonly #simulated = simulatedMachine();
  readonly #bindings = new MemoryState();
  readonly #taken = new MemoryState();
  readonly #processes = new OneByOne();

  get settings() {
    return settingsOf(this.#simulated.sys);
  }

  /** Whether nothing is remembered. */
  get isForgotten(): boolean {
    return this.#bindings.names().length === 0 && this.#taken.names().length === 0;
  }

  async run(line: string, faulty = new FaultySys(this.#simulated.sys)): Promise<Ran> {
    this.#processes.pid++;
    const journal = new Journal(faulty.memory(this.#taken), undefined, this.#processes);
    const running = runCommand(line, faulty.sys, faulty.memory(this.#bindings), journal);
    // One that is killed may wait for ever: no call of it succeeds.
    const ran = await Promise.race([running, faulty.death.then(() => DEAD)]);
    running.catch(() => {});
    this.#simulated.controls.endProcess();
    return ran;
  }

  async mustRun(line: string): Promise<void> {
    const { exit, stderr } = await this.run(line);
    if (exit !== 0) throw new Error(`${line}: exit ${exit}: ${stderr}`);
  }

  get sys() {
    return this.#simulated.sys;
  }
}

export interface KillTally {
  kills: number;
  breaches: string[];
}

function switchBusMasterOn(sys: Sys): void {
  const fd = sys.open('/sys/bus/pci/devices/0000:00:04.0/config', { write: true });
  const command = Buffer.alloc(2);
  sys.pread(fd, command, PCI_COMMAND);
  command.writeUInt16LE(command.readUInt16LE() | PCI_COMMAND_MASTER);
  sys.pwrite(fd, command, PCI_COMMAND);
  sys.close(fd);
}

/** Kills a command before each of its changes, and runs the next. */
export async function killAtEach({ line, before = [], isDriven = false, next }: KilledLine): Promise<KillTally> {
  const start = async () => {
    const boot = new Boot();
    if (isDriven) switchBusMasterOn(boot.sys);
    const wanted = boot.settings;
    for (const earlier of before) await boot.mustRun(earlier);
    return { boot, wanted };
  };
  const sound = await start();
  const counted = new FaultySys(sound.boot.sys);
  await sound.boot.run(line, counted);
  const moments = counted.calls.flatMap((call, i) => (isChange(call) ? [i] : []));
  const breaches: string[] = [];
  process.on('uncaughtException', ignoreKilled);
  // The last one is killed at the end of its work.
  for (const at of [...moments, counted.calls.length]) {
    const { boot, wanted } = await start();
    const faulty = new FaultySys(boot.sys);
    faulty.killAt = at;
    await boot.run(line, faulty);
    const left = differences(wanted, boot.settings);
    // It had not begun.
    if (left.length === 0 && boot.isForgotten) continue;
    const call = counted.calls[at];
    const where = `udrv --sim ${line}, killed before call ${at} (${call === undefined ? 'none' : `${call.method} ${call.path}`})`;
    const mended = await boot.run(next);
    if (mended.exit !== 0) breaches.push(`${where}: udrv ${next}: exit ${mended.exit}: ${mended.stderr}`);
    for (const difference of differences(wanted, boot.settings)) breaches.push(`${where}: stays: ${difference}`);
    const told = `${mended.stdout}${mended.stderr}`;
    for (const difference of left)
      if (!isTold(difference, told)) breaches.push(`${where}: udrv ${next} does not tell: ${difference}: ${told}`);
    if (!boot.isForgotten) breaches.push(`${where}: something is remembered still`);
  }
  process.off('uncaughtException', ignoreKilled);
  return { kills: moments.length + 1, breaches };
}

/** The UIO device stands for the function behind it. */
const OTHER_NAMES: Readonly<Record<string, string>> = { '0000:00:04.0': 'uio0' };

function isTold(difference: string, told: string): boolean {
  const [subject = ''] = difference.split(' ');
  return subject === 'rule' || told.includes(subject) || told.includes(OTHER_NAMES[subject] ?? subject);
}
