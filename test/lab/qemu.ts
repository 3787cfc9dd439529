import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { processorSeconds } from './cost';
import { LabError } from './error';
import type { Architecture, Machine } from './machine';

/** Descriptors that QEMU inherits: a socket each, so that no file has to be made and removed. */
const AGENT_FD = 3;
const QMP_FD = 4;

const CHANNELS: readonly string[] = `
  -chardev stdio,id=console,signal=off
  -serial chardev:console
  -chardev socket,id=agent,fd=${AGENT_FD}
  -device virtserialport,bus=ports.0,chardev=agent,name=udrv.agent
  -chardev socket,id=qmp,fd=${QMP_FD}
  -mon chardev=qmp,mode=control
`
  .trim()
  .split(/\s+/);

const PROGRAMS: Readonly<Record<Architecture, string>> = { x64: 'qemu-system-x86_64', arm64: 'qemu-system-aarch64' };
const CONSOLES: Readonly<Record<Architecture, string>> = { x64: 'ttyS0', arm64: 'ttyAMA0' };

/**
 * The kernel's parameters, for every guest. Debian's kernel takes the emulated CPUs' TSCs for not synchronized, which
 * they are (all read one counter), and would read the HPET instead: a microsecond for each look at the clock, and Node
 * looks often. QEMU translates code again that is at another address than before: without norandmaps each process costs
 * 60 ms more, and Node 150.
 */
const PARAMETERS = [
  ...['quiet', 'panic=-1', 'norandmaps', 'cryptomgr.notests'],
  ...['no_timer_check', 'tsc=reliable', 'usb_storage.delay_use=0'],
];

export interface QemuOptions {
  readonly machine: Machine;
  /** The guest's files. */
  readonly root: string;
  /** A folder that the guest mounts by itself, to treat it otherwise than the host's other files. */
  readonly checkout: string;
  readonly kernel: string;
  readonly initramfs: string;
  /** Parameters of the kernel's command line; values are encoded here. */
  readonly parameters: Readonly<Record<string, string | readonly string[]>>;
  /** As -device takes it; null: none. */
  readonly iommu: string | null;
  readonly args: readonly string[];
}

/** A QEMU that ends when this process does, however that ends. */
export class Qemu {
  readonly agent: Duplex;
  readonly qmp: Duplex;
  /** Rejects when QEMU ends, with what it had to say. */
  readonly gone: Promise<never>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #kill = () => void this.#child.kill('SIGKILL');
  #console = '';
  #messages = '';

  constructor(options: QemuOptions) {
    const { architecture, board, devices } = options.machine;
    const append = Object.entries(options.parameters).map(
      ([name, value]) => `${name}=${[value].flat().map(encode).join(',')}`,
    );
    const qemu = [
      ...[
        PROGRAMS[architecture],
        ...board,
        ...devices,
        ...(options.iommu === null ? [] : ['-device', options.iommu]),
        ...CHANNELS,
      ],
      ...['-fsdev', `${share('host', options.root)},multidevs=remap`],
      ...['-fsdev', share('checkout', options.checkout)],
      ...['-device', 'virtio-9p-pci,fsdev=checkout,mount_tag=checkout,addr=0a.0'],
      ...['-kernel', options.kernel, '-initrd', options.initramfs],
      ...['-append', [`console=${CONSOLES[architecture]}`, ...PARAMETERS, ...append].join(' ')],
      ...options.args,
    ];
    // setpriv: even a SIGKILL of this process takes QEMU with it. detached: the terminal's Ctrl-C is not for QEMU.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...qemu], {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    process.once('exit', this.#kill);
    const { stdio } = this.#child;
    this.agent = stdio[AGENT_FD] as Duplex;
    this.qmp = stdio[QMP_FD] as Duplex;
    // A write to a QEMU that has just gone is lost; `gone` tells.
    for (const stream of [this.agent, this.qmp]) stream.on('error', () => {});
    (stdio[1] as Readable).setEncoding('utf8').on('data', (text: string) => {
      this.#console += text;
    });
    (stdio[2] as Readable).setEncoding('utf8').on('data', (text: string) => {
      this.#messages += text;
    });

    this.#closed = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#messages += `${error.message}\n`;
        resolve();
      });
      this.#child.once('close', () => resolve());
    });
    this.gone = this.#closed.then(() => {
      process.removeListener('exit', this.#kill);
      throw this.error('QEMU ended');
    });
    this.gone.catch(() => {});
  }

  /** The console output of the guest's kernel. */
  get console(): string {
    return this.#console;
  }

  /** The processor time that it has taken. */
  get processorSeconds(): number {
    return processorSeconds(this.#child.pid);
  }

  /** An error that says what QEMU and the guest's console said last. */
  error(what: string): LabError {
    const last = this.#console.trimEnd().split('\n').slice(-100).join('\n');
    return new LabError(
      [what, this.#messages.trimEnd(), `the guest's console:\n${last || '(nothing)'}`].filter(Boolean).join('\n'),
    );
  }

  /** The guest has nothing to save: there is no gentler way that is worth waiting for. */
  async kill(): Promise<void> {
    this.#kill();
    await this.#closed;
  }
}

/** A folder that the guest can only read, as -fsdev takes it: a comma in an option's value is doubled. */
function share(id: string, folder: string): string {
  return `local,id=${id},path=${folder.replaceAll(',', ',,')},security_model=none,readonly=on`;
}

/** Percent-encodes what the kernel would split at, or take for a quote or a list; guest/init decodes it. */
function encode(value: string): string {
  return encodeURIComponent(value).replaceAll('%2F', '/');
}
