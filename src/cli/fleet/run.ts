import { UdrvError, usageError } from '../../errors';
import { NameDatabase } from '../../names/database';
import { readHost } from '../../remote/read';
import { LinuxSys } from '../../sys/linux/linux-sys';
import type { VerbSpec } from '../program/command';
import { Context, type GlobalOptions } from '../program/context';
import type { TypedOptions } from '../program/machine';
import { conclude } from '../program/report';
import type { Surroundings } from '../program/run-on';
import { interruptible } from '../program/signals';
import { counted, Progress } from '../status/progress';
import { textWidth } from '../tables/text-width';
import { HostContext, keptStreams, type Shared } from './host-context';
import { HOST_IN_NAME } from './host-file';
import { type FleetOptions, hostsOf, wayOf } from './hosts';
import { Together } from './together';

/** Hosts that are read at a time. A process each, and most of the time is spent waiting for them. */
const AT_ONCE = 32;

/** The end of a command for one host. */
interface Finished {
  stdout: string;
  stderr: string;
  exit: number;
}

/**
 * Runs a command that only looks at a machine for each of the hosts that the options name, side by side, and prints
 * each one's output in the order in which they were named. A host that cannot be read is one line on standard error.
 *
 * @param verb undefined for a line without a command, which lists or shows
 * @param run the command, which may be run several times for one host
 * @returns the exit code: 0, or that of the first host that has another
 * @throws UdrvError exit 2 where the options are wrong, or the command does more than to look
 */
export async function runOnHosts(
  options: Omit<GlobalOptions & TypedOptions, 'host'> & FleetOptions,
  real: Surroundings,
  verb: Pick<VerbSpec, 'does' | 'makesFile'> | undefined,
  run: (context: Context) => unknown,
): Promise<number> {
  const hosts = hostsOf(options);
  if ((verb?.does ?? []).length > 0)
    throw usageError('--host', 'other machines can only be inspected from here', 'run udrv there: ssh HOST udrv ...');
  const isOne = hosts.length === 1;
  const { output = '' } = options as { output?: string };
  if (verb?.makesFile && !isOne && !output.includes(HOST_IN_NAME))
    throw usageError(
      '--host',
      'each host needs a file of its own',
      `write ${HOST_IN_NAME} for the host: -o ${HOST_IN_NAME}.out`,
    );
  const context = new Context({ ...options, host: hosts }, new LinuxSys(), real.stdout, real.stderr, real.env);
  const together = isOne ? undefined : new Together();
  const margin = isOne ? 0 : Math.max(...hosts.map(textWidth)) + 2;
  const shared: Shared = {
    names: new NameDatabase(new LinuxSys()),
    together,
    columns: context.width === undefined ? undefined : Math.max(20, context.width - margin),
  };
  let exit = 0;
  const signalled = await interruptible(async (signal) => {
    using progress = new Progress(context.status, { unit: counted('hosts'), total: hosts.length, title: 'reading' });
    let done = 0;
    const tick = setInterval(() => progress.update(done), 200);
    try {
      const finished = atOnce(hosts, signal, async (host) => {
        const result = await onHost(host, options, real, shared, run, signal);
        done++;
        return result;
      });
      for (const [i, host] of hosts.entries()) {
        const one = await finished[i];
        if (one === undefined || signal.aborted) break;
        if (one.stderr !== '') real.stderr.write(one.stderr);
        if (isOne) context.page(one.stdout);
        else real.stdout.write(options.json ? one.stdout : behind(host, one.stdout, margin));
        exit ||= one.exit;
      }
    } finally {
      clearInterval(tick);
    }
  });
  if (signalled !== undefined) return signalled;
  const text = together?.text(hosts);
  if (text) context.page(text);
  return exit;
}

/** Starts work for each item, some at a time. @returns the promises of all, which do not fail */
function atOnce<T, R>(
  items: readonly T[],
  signal: AbortSignal,
  work: (item: T) => Promise<R>,
): Promise<R | undefined>[] {
  let free = AT_ONCE;
  const waiting: (() => void)[] = [];
  return items.map(async (item) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free--;
    try {
      return signal.aborted ? undefined : await work(item);
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  });
}

async function onHost(
  host: string,
  options: Omit<GlobalOptions, 'host'> & FleetOptions,
  real: Surroundings,
  shared: Shared,
  run: (context: Context) => unknown,
  signal: AbortSignal,
): Promise<Finished> {
  const machine = { ...options, host };
  const reporting = { asJson: options.json === true, debug: real.env['UDRV_DEBUG'] === '1', machine };
  try {
    return await readHost(
      host,
      wayOf(options, real.env),
      async (tree) => {
        const streams = keptStreams(real, tree);
        let exit: number | undefined;
        try {
          exit = (await run(new HostContext(machine, tree, streams, real.env, shared))) as number | undefined;
        } catch (error) {
          exit = conclude(ofHost(error, host), streams.stderr, reporting);
        }
        return { stdout: streams.stdout.text, stderr: streams.stderr.text, exit: exit ?? 0 };
      },
      signal,
    );
  } catch (error) {
    shared.together?.forget(host);
    const { stderr } = keptStreams(real);
    const exit = conclude(error, stderr, reporting);
    return { stdout: '', stderr: stderr.text, exit };
  }
}

/** Names the host in an error of a command. */
function ofHost(error: unknown, host: string): unknown {
  if (!(error instanceof UdrvError)) return error;
  const { code, exit, hint, device, subject, message } = error;
  return new UdrvError(message, { code, exit, hint, device, subject: `${host}: ${subject}` });
}

/** Puts the host before each line, as the first column. */
function behind(host: string, text: string, margin: number): string {
  const title = host + ' '.repeat(margin - textWidth(host));
  return text.replace(/^(?=.)/gm, title);
}
