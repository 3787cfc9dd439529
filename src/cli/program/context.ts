import { NameDatabase } from '../../names/database';
import type { Journal } from '../../sys/journal';
import type { StateStore } from '../../sys/state';
import type { Sys } from '../../sys/sys';
import type { Document } from '../documents';
import type { AddPart } from '../fleet/together';
import { json, visible } from '../output/escape';
import { type MachineOptions, nameMachine } from '../output/hint';
import type { OutputStream } from '../output/stream';
import { type ColorChoice, makeStyle, type Style, useColor } from '../output/style';
import { columnsOf, useUnicode } from '../output/terminal';
import type { StatusLine } from '../status/status-line';
import type { Settings } from './settings';

/** The options that every command takes, as commander gives them. */
export interface GlobalOptions extends MachineOptions {
  json?: boolean;
  color: ColorChoice;
  trace?: boolean;
  timeout?: number;
  dryRun?: boolean;
  quiet?: boolean;
  verbose?: boolean;
  pager?: boolean;
  config?: boolean;
}

/** Memories that a machine keeps itself, beyond the end of a command. */
interface Kept {
  readonly bindings?: StateStore | undefined;
  readonly journal?: Journal | undefined;
}

/** The surroundings of a command: the options, the machine, and where its output goes. */
export class Context {
  readonly options: GlobalOptions;
  readonly sys: Sys;
  /** The bindings before udrv's changes, where the machine itself keeps them. */
  readonly bindings: StateStore | undefined;
  /** Notes of what commands take for their own time, where the machine itself keeps them. */
  readonly journal: Journal | undefined;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: NodeJS.ProcessEnv;
  /** Takes what stands together with that of other hosts (`--host`); undefined where there is one machine. */
  together: AddPart | undefined;
  #status: StatusLine | undefined;
  #names: NameDatabase | undefined;
  #style: Style | undefined;
  #settings: Settings | undefined;

  constructor(
    options: GlobalOptions,
    sys: Sys,
    stdout: OutputStream,
    stderr: OutputStream,
    env: NodeJS.ProcessEnv,
    { bindings, journal }: Kept = {},
  ) {
    this.options = options;
    this.sys = sys;
    this.bindings = bindings;
    this.journal = journal;
    this.stdout = stdout;
    this.stderr = stderr;
    this.env = env;
  }

  get names(): NameDatabase {
    this.#names ??= new NameDatabase(this.sys);
    return this.#names;
  }

  /** Colours for standard output. */
  get style(): Style {
    this.#style ??= makeStyle(
      useColor(this.options.color, this.env, this.stdout.isTTY, this.settings?.get('color')?.value as ColorChoice),
    );
    return this.#style;
  }

  /** The user's settings, on a terminal: what a script gets does not depend on them. */
  get settings(): Settings | undefined {
    if (!this.stdout.isTTY || this.options.config === false) return undefined;
    const { readSettings } = require('./settings') as typeof import('./settings');
    this.#settings ??= readSettings(this.env, (text) => this.warn(text));
    return this.#settings;
  }

  /** Whether output may have characters beyond ASCII, such as the lines of a tree. */
  get unicode(): boolean {
    return useUnicode(this.env);
  }

  /** The columns of the terminal; undefined where standard output is none, and nothing is shortened. */
  get width(): number | undefined {
    return this.stdout.isTTY ? columnsOf(this.stdout, this.env) : undefined;
  }

  /** The line on a terminal that tells for what a command waits, and how far it is. */
  get status(): StatusLine {
    if (this.#status !== undefined) return this.#status;
    const { json, quiet } = this.options;
    const { StatusLine } = require('../status/status-line') as typeof import('../status/status-line');
    this.#status = new StatusLine(this.stdout, this.stderr, this.env, !json && !quiet);
    return this.#status;
  }

  /** Prints a text that ends: on a terminal that is too low for it, through the user's pager. */
  page(text: string): void {
    if (!this.stdout.isTTY || this.options.pager === false || !this.#paged(text)) this.stdout.write(text);
  }

  #paged(text: string): boolean {
    const { needsPager, pagerWords, showInPager } = require('../output/pager') as typeof import('../output/pager');
    if (!needsPager(text, this.env)) return false;
    const setting = this.settings?.get('pager')?.value;
    const command = this.env['UDRV_PAGER'] ?? setting ?? this.env['PAGER'] ?? 'less -FRX';
    const words = pagerWords(command);
    if (words === null) this.warn(`the pager is started without a shell, and ${command} needs one`);
    return words !== null && words.length > 0 && words[0] !== 'cat' && showInPager(text, words, this.env);
  }

  /** Prints a document for `--json`: indented on a terminal, else on one line. */
  printJson(document: Document): void {
    this.stdout.write(`${json(document, this.stdout.isTTY ? 2 : undefined)}\n`);
  }

  /** Prints a remark on standard error: not with `--quiet`, nor with `--json` unless `--verbose` asks for it. */
  note(text: string): void {
    if (this.options.quiet || (this.options.json && !this.options.verbose)) return;
    this.warn(text);
  }

  /** Prints a remark on standard error whatever the options. */
  warn(text: string): void {
    try {
      this.stderr.write(`udrv: ${visible(nameMachine(text, this.options))}\n`);
    } catch {
      // A remark that cannot be shown is no reason to stop.
    }
  }

  /** Prints the steps of `--dry-run`. */
  printSteps(steps: readonly string[]): void {
    if (this.options.json) this.printJson({ schema: 'udrv.steps/1', steps });
    else this.stdout.write(steps.map((step) => `${visible(step)}\n`).join(''));
  }
}
