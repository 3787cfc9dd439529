import type { NameDatabase } from '../../names/database';
import type { RemoteTree } from '../../remote/tree';
import { inspectionOnly } from '../../sys/tree/inspection-only';
import type { Document } from '../documents';
import { OutputStream } from '../output/stream';
import { Context, type GlobalOptions } from '../program/context';
import type { Surroundings } from '../program/run-on';
import { StatusLine } from '../status/status-line';
import { localNames } from './local-names';
import type { Together } from './together';

/** A file was to be written with what comes of facts that are not known yet. The command is run again. */
class TooEarly extends Error {}

/** Keeps the output of a command for one host. */
class Kept extends OutputStream {
  readonly #pieces: Buffer[] = [];

  get text(): string {
    return Buffer.concat(this.#pieces).toString('utf8');
  }

  override write(data: string | Buffer): void {
    this.#pieces.push(Buffer.from(data));
  }
}

/**
 * Makes streams of the same kind as the real ones. A file that the output goes to instead is not opened before all is
 * known.
 */
export function keptStreams(real: Surroundings, tree?: RemoteTree): { stdout: Kept; stderr: Kept } {
  const stdout = new Kept(real.stdout.fd, 'output');
  stdout.beforeWrite = () => {
    if (tree?.isIncomplete) throw new TooEarly();
  };
  return { stdout, stderr: new Kept(real.stderr.fd, 'output') };
}

/** Parts of the surroundings that all hosts have in common. */
export interface Shared {
  names: NameDatabase;
  /** Undefined where there is one host. */
  together: Together | undefined;
  columns: number | undefined;
}

/** The surroundings of a command that looks at another host. Its output is kept, and its remarks and documents name the host. */
export class HostContext extends Context {
  readonly #host: string;
  readonly #hostNames: NameDatabase;
  readonly #columns: number | undefined;

  constructor(
    options: GlobalOptions & { host: string },
    tree: RemoteTree,
    streams: { stdout: Kept; stderr: Kept },
    env: NodeJS.ProcessEnv,
    shared: Shared,
  ) {
    const machine = inspectionOnly(localNames(tree), {
      message: 'another machine can only be inspected from here',
      hint: `run udrv there: ssh ${options.host} udrv ...`,
    });
    super(options, machine, streams.stdout, streams.stderr, env);
    this.#host = options.host;
    this.#hostNames = shared.names;
    this.#columns = shared.columns;
    this.together = shared.together?.of(options.host);
  }

  /** Those of this machine: names are the same everywhere, and their database is large. */
  override get names(): NameDatabase {
    return this.#hostNames;
  }

  override get width(): number | undefined {
    return this.#columns;
  }

  override get status(): StatusLine {
    return new StatusLine(this.stdout, this.stderr, this.env, false);
  }

  override page(text: string): void {
    this.stdout.write(text);
  }

  override printJson(document: Document): void {
    const { schema, ...rest } = document as Document & { schema?: string };
    const named = { ...(schema !== undefined && { schema }), host: this.#host, ...rest };
    super.printJson(named as Document);
  }

  override warn(text: string): void {
    super.warn(`${this.#host}: ${text}`);
  }
}
