/** The lab: a real kernel in QEMU with emulated devices, in which commands run as on any machine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { join } from 'node:path/posix';
import { wordsOfUdrv } from '../support/warm-words';
import { Agent, type Ready } from './agent-client';
import { noteCost } from './cost';
import { writeDeviceTree } from './device-tree';
import { LabError } from './error';
import type { Exit, GuestProcess, OutputName } from './guest-process';
import { MACHINES, type Machine, type MachineName } from './machine';
import { CHECKOUT, findPrepared, findUdev, type Kernel, LAB_FOLDER, preparedNames } from './prepared';
import { Qemu } from './qemu';
import { Qmp } from './qmp';

export { LabError } from './error';
export type { Exit, GuestProcess, OutputName } from './guest-process';
export { MACHINES, type MachineName } from './machine';
export { backendsOf, KERNELS, type Kernel, USUAL_KERNELS } from './prepared';

const BOOT_TIMEOUT_MS = 120_000;
const RUN_TIMEOUT_MS = 60_000;
const USER = 1000;

export interface BootOptions {
  readonly kernel: Kernel;
  /** `vt-d` if not given. */
  readonly machine?: MachineName;
  /**
   * Two if not given. With one, all takes half of the host's time: two that are emulated wait for each other, and Node
   * has threads that look for work.
   */
  readonly processors?: 1 | 2;
  /** More devices, say. */
  readonly qemuArgs?: readonly string[];
  /** QEMU's IOMMU, as -device takes it; null for none. The machine's if not given. */
  readonly iommu?: string | null;
  /** Parameters of the kernel's command line; they win. Null: without one that every guest has. */
  readonly parameters?: Readonly<Record<string, string | null>>;
  /** The checkout always as it is on the host, for who builds meanwhile; without it, what was read once is kept. */
  readonly live?: boolean;
  /**
   * For a guest with udev, which is started last and coldplugs all devices: the folder of the host that is its
   * /etc/udev/rules.d, and outlasts it. All other files of such a guest can be written to, and are lost with it.
   */
  readonly udevRules?: string;
  /** Takes what each command printed that was run to its end. */
  readonly onRun?: (command: readonly string[], result: RunResult) => void;
  /** QEMU's trace events, such as `memory_region_ops_read`, and the file they go to. */
  readonly trace?: { readonly file: string; readonly events: readonly string[] };
}

export interface SpawnOptions {
  /** Runs it as uid and gid 1000, without other groups, instead of root. */
  readonly user?: boolean | undefined;
  /** In addition to PATH, HOME and a UTF-8 locale: nothing comes from the host. */
  readonly env?: Readonly<Record<string, string>>;
  /** In the guest; the checkout if not given. */
  readonly cwd?: string;
  /** Takes output as it comes, instead of its being kept. */
  readonly onOutput?: (name: OutputName, chunk: Buffer) => void;
}

export interface RunOptions extends Omit<SpawnOptions, 'onOutput'> {
  readonly stdin?: Buffer | string;
  /** One minute if not given. */
  readonly timeoutMs?: number;
}

export interface RunResult extends Exit {
  readonly stdout: string;
  readonly stdoutBytes: Buffer;
  readonly stderr: string;
}

/** Boots a guest; its devices are listed in machine.ts. */
export async function bootLab({
  kernel,
  machine: name = 'vt-d',
  processors = 2,
  qemuArgs = [],
  iommu,
  parameters = {},
  trace,
  live = false,
  udevRules,
  onRun,
}: BootOptions): Promise<Lab> {
  const machine: Machine = { ...MACHINES[name], board: [...MACHINES[name].board, '-smp', `${processors}`] };
  const prepared = findPrepared(kernel, machine.architecture);
  if (!prepared)
    throw new LabError(
      `the lab is not prepared: run test/lab/prepare ${preparedNames(kernel, machine.architecture).join(' ')}`,
    );
  const udevArgs = udevRules === undefined ? [] : udevShares(udevRules);
  const traceArgs = trace
    ? ['-D', trace.file, '-d', 'guest_errors', ...trace.events.flatMap((event) => ['-trace', event])]
    : [];
  const files = mkdtempSync(join(tmpdir(), 'udrv-lab-'));
  const treeArgs = machine.architecture === 'arm64' ? ['-dtb', writeDeviceTree(machine.board, files)] : [];
  const qemu = new Qemu({
    machine,
    root: prepared.root,
    kernel: prepared.kernel,
    initramfs: prepared.initramfs,
    checkout: CHECKOUT,
    parameters: withoutNulls({
      'udrv.checkout': CHECKOUT,
      'udrv.cache': live ? 'none' : 'loose',
      'udrv.setup': join(LAB_FOLDER, 'guest/setup.sh'),
      'udrv.node': prepared.node,
      'udrv.modules': prepared.modules,
      'udrv.koffi': prepared.koffi,
      'udrv.udev': udevRules === undefined ? 'no' : 'yes',
      'udrv.keep':
        prepared.root === '/' ? [dirname(prepared.node), ...(prepared.modules ? [prepared.modules] : [])] : [],
      ...machine.parameters,
      ...parameters,
    }),
    iommu: iommu === undefined ? machine.iommu : iommu,
    args: [...treeArgs, ...udevArgs, ...qemuArgs, ...traceArgs],
  });
  const agent = new Agent(qemu.agent);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(qemu.error(`the guest did not come up within ${BOOT_TIMEOUT_MS / 1000} s`)),
      BOOT_TIMEOUT_MS,
    );
  });
  try {
    const ready = await Promise.race([agent.ready, qemu.gone, late]);
    noteCost({ what: 'boot', seconds: qemu.processorSeconds });
    return new Lab(kernel, prepared.node, qemu, agent, ready, onRun);
  } catch (error) {
    await qemu.kill();
    throw error;
  } finally {
    clearTimeout(timer);
    rmSync(files, { recursive: true });
  }
}

/** @param rules the folder of the guest's rules */
function udevShares(rules: string): string[] {
  const udev = findUdev();
  if (udev === undefined) throw new LabError('udev is not prepared: run test/lab/prepare udev');
  const share = (id: string, folder: string, more: string) => [
    ...['-fsdev', `local,id=${id},path=${folder.replaceAll(',', ',,')},security_model=none${more}`],
    ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${id},bus=pcie.0`],
  ];
  return [...share('udev', udev, ',readonly=on'), ...share('rules', rules, '')];
}

function withoutNulls<T>(parameters: Readonly<Record<string, T | null>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(parameters).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const])),
  );
}

/** A guest that is up, for who runs programs in it: also one that another process has. */
export type Guest = Pick<Lab, 'kernel' | 'release' | 'setupLog' | 'spawn'>;

/** A guest that is up, of this process. */
export class Lab {
  readonly kernel: Kernel;
  /** The kernel's release, as `uname -r` prints it. */
  readonly release: string;
  /** The errors of the guest when it set its devices up; empty if there were none. */
  readonly setupLog: string;
  readonly #path: string;
  readonly #qemu: Qemu;
  readonly #agent: Agent;
  readonly #qmp: Qmp;
  readonly #negotiated: Promise<unknown>;
  readonly #onRun: BootOptions['onRun'];

  /** Use `bootLab`. */
  constructor(kernel: Kernel, node: string, qemu: Qemu, agent: Agent, ready: Ready, onRun?: BootOptions['onRun']) {
    this.kernel = kernel;
    // The checkout's own programs and this Node come first, so `udrv` is what this checkout has built.
    this.#path = [join(CHECKOUT, 'bin'), '/run/lab/bin', dirname(node), ...SYSTEM_PATH].join(':');
    this.#onRun = onRun;
    this.release = ready.release;
    this.setupLog = ready.log;
    this.#qemu = qemu;
    this.#agent = agent;
    this.#qmp = new Qmp(qemu.qmp);
    this.#negotiated = this.#qmp.execute('qmp_capabilities');
    this.#negotiated.catch(() => {}); // whoever calls qmp() hears of it
    qemu.gone.catch((error: Error) => {
      agent.fail(error);
      this.#qmp.fail(error);
    });
  }

  /**
   * Runs a command to its end: a string as typed into bash, a list as it is. One of udrv alone runs in a process that has
   * run others before, and fails where it leaves a device open.
   */
  async run(command: string | readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { stdin, timeoutMs = RUN_TIMEOUT_MS, ...rest } = options;
    const { env = {}, cwd, user } = rest;
    const words = stdin === undefined && cwd === undefined ? wordsOfUdrv(command, env) : null;
    const before = this.#qemu.processorSeconds;
    const process = words === null ? this.spawn(command, rest) : this.#start(['udrv', ...words], { user, env }, 'udrv');
    if (stdin !== undefined) process.write(stdin);
    process.closeStdin();
    const exit = await process.exitWithin(timeoutMs);
    const result = { ...exit, stdout: process.stdout, stdoutBytes: process.stdoutBytes, stderr: process.stderr };
    const seconds = this.#qemu.processorSeconds - before;
    noteCost({ what: words === null ? 'own' : 'warm', command, seconds });
    this.#onRun?.([command].flat(), result);
    return result;
  }

  /** Starts a command and leaves it running. */
  spawn(command: string | readonly string[], options: SpawnOptions = {}): GuestProcess {
    return this.#start(command, options, 'spawn');
  }

  /**
   * Calls a function in the guest, in a process that is there already: for a short look at the guest's files. It sees
   * nothing of what is around it here.
   *
   * @param look takes Node's `fs` and the argument; what it returns is given back as JSON
   */
  async evaluate<A, R>(look: (fs: typeof import('node:fs'), argument: A) => R, argument: A): Promise<R> {
    const process = this.#start([look.toString(), JSON.stringify(argument)], {}, 'evaluate');
    await process.exitWithin(RUN_TIMEOUT_MS);
    return JSON.parse(process.stdout);
  }

  #start(command: string | readonly string[], options: SpawnOptions, op: 'spawn' | 'udrv' | 'evaluate'): GuestProcess {
    const { user = false, env = {}, cwd = CHECKOUT, onOutput } = options;
    const spawn = {
      op,
      command,
      cwd,
      env: { PATH: this.#path, HOME: user ? '/run/lab/home-user' : '/run/lab/home', LANG: 'C.UTF-8', ...env },
      ...(user ? { uid: USER } : {}),
    };
    return this.#agent.spawn(spawn, onOutput);
  }

  /** A command of QEMU's, such as `device_add`, and what it returns. */
  async qmp(command: string, args: object = {}): Promise<unknown> {
    await this.#negotiated;
    return this.#qmp.execute(command, args);
  }

  /** The kernel's console output so far. */
  get console(): string {
    return this.#qemu.console;
  }

  /** Rejects when the guest has ended. */
  get gone(): Promise<never> {
    return this.#qemu.gone;
  }

  /** Switches the guest off; what still runs in it ends. */
  shutdown(): Promise<void> {
    noteCost({ what: 'end', seconds: this.#qemu.processorSeconds });
    return this.#qemu.kill();
  }
}

const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
