import { usageError } from '../errors';
import type { NameDatabase } from '../names/database';
import type { StateStore } from '../sys/state';
import type { Sys } from '../sys/sys';
import { json, visible } from './output/escape';
import type { OutputStream } from './output/stream';
import { type ColorChoice, makeStyle, type Style, useColor } from './output/style';

/** The options that every command takes, as commander gives them. */
export interface GlobalOptions {
  json?: boolean;
  color: ColorChoice;
  sysroot?: string;
  snapshot?: string;
  sim?: boolean;
  trace?: boolean;
  timeout?: number;
  dryRun?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

/** What a command works with: the machine, the options, and where its output goes. */
export class Context {
  readonly options: GlobalOptions;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly #env: NodeJS.ProcessEnv;
  #sys: Sys | undefined;
  #state: StateStore | undefined;
  #names: NameDatabase | undefined;
  #style: Style | undefined;

  constructor(options: GlobalOptions, stdout: OutputStream, stderr: OutputStream, env: NodeJS.ProcessEnv) {
    this.options = options;
    this.stdout = stdout;
    this.stderr = stderr;
    this.#env = env;
  }

  /** The machine that the options name. */
  get sys(): Sys {
    this.#sys ??= this.options.trace ? this.#traced(this.#machine()) : this.#machine();
    return this.#sys;
  }

  /** Where bindings of drivers are remembered: on this machine in files, for any other as long as the command runs. */
  get state(): StateStore {
    if (this.#state === undefined) {
      const { DirectoryState, MemoryState } = require('../sys/state') as typeof import('../sys/state');
      const { STATE_DIRECTORY } = require('../bind/remember') as typeof import('../bind/remember');
      const { sysroot, snapshot, sim } = this.options;
      const isThis = sysroot === undefined && snapshot === undefined && !sim;
      this.#state = isThis ? new DirectoryState(STATE_DIRECTORY) : new MemoryState();
    }
    return this.#state;
  }

  get names(): NameDatabase {
    if (this.#names === undefined) {
      const { NameDatabase } = require('../names/database') as typeof import('../names/database');
      this.#names = new NameDatabase(this.sys);
    }
    return this.#names;
  }

  /** For standard output. */
  get style(): Style {
    this.#style ??= makeStyle(useColor(this.options.color, this.#env, this.stdout.isTTY));
    return this.#style;
  }

  /** A document for `--json`: indented for a person, one line for a program. */
  printJson(document: unknown): void {
    this.stdout.write(`${json(document, this.stdout.isTTY ? 2 : undefined)}\n`);
  }

  /** A remark for a person, which is not data: not with `--quiet`, nor with `--json` unless `--verbose` asks. */
  note(text: string): void {
    if (this.options.quiet || (this.options.json && !this.options.verbose)) return;
    this.warn(text);
  }

  /** What a person has to know, whatever else is shown. */
  warn(text: string): void {
    try {
      this.stderr.write(`udrv: ${visible(text)}\n`);
    } catch {
      // A remark that cannot be shown is no reason to stop.
    }
  }

  /** What a command would do, for `--dry-run`. */
  printSteps(steps: readonly string[]): void {
    if (this.options.json) this.printJson({ steps });
    else this.stdout.write(steps.map((step) => `${visible(step)}\n`).join(''));
  }

  #machine(): Sys {
    const { sysroot, snapshot, sim } = this.options;
    if ([sysroot, snapshot, sim].filter((option) => option !== undefined).length > 1)
      throw usageError('--sysroot, --snapshot and --sim', 'each name a machine: give one');
    if (sysroot !== undefined) {
      const { SysrootSys } = require('../sys/sysroot') as typeof import('../sys/sysroot');
      return new SysrootSys(sysroot);
    }
    if (snapshot !== undefined) {
      const { SnapshotSys } = require('../sys/snapshot') as typeof import('../sys/snapshot');
      return SnapshotSys.load(snapshot);
    }
    if (sim) {
      const { simulatedMachine } = require('../sim') as typeof import('../sim');
      return simulatedMachine().sys;
    }
    const { LinuxSys } = require('../sys/linux') as typeof import('../sys/linux');
    return new LinuxSys();
  }

  #traced(sys: Sys): Sys {
    const { traced } = require('../sys/trace') as typeof import('../sys/trace');
    const { decodeVfio } = require('../uapi/decode-vfio') as typeof import('../uapi/decode-vfio');
    const { usbdevfsDecoder } = require('../uapi/decode-usbdevfs') as typeof import('../uapi/decode-usbdevfs');
    return traced(sys, (line) => this.stderr.write(`${line}\n`), [usbdevfsDecoder(), decodeVfio]);
  }
}
