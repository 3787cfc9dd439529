import { usageError } from '../../errors';
import type { Way } from '../../remote/connection';
import { readInput } from '../program/input';
import type { TypedOptions } from '../program/machine';

/** The options that name other machines and the way to them, as commander gives them. */
export interface FleetOptions {
  host?: readonly string[];
  hosts?: string;
  sudo?: boolean;
  sshOption?: readonly string[];
  hostTimeout?: number;
}

/** More than a host with 2000 + 2000 devices takes on a slow line; a dead one costs that much. */
const DEFAULT_TIMEOUT_MS = 20_000;

const MAX_LIST_BYTES = 1024 * 1024;

/**
 * Returns the hosts that the options name, each once, in their order.
 *
 * @throws UdrvError exit 2 where there is none, one is no host, or an option names another machine
 */
export function hostsOf(options: FleetOptions & Omit<TypedOptions, 'host'> & { timeout?: number }): string[] {
  const { host = [], hosts, sim, simFile, snapshot, sysroot, timeout } = options;
  if ([sim, simFile, snapshot, sysroot].some((machine) => machine !== undefined))
    throw usageError('--host', 'names a machine, and so do --sysroot, --snapshot and --sim: give one');
  const found = host.flatMap((text) => text.split(',').map((name) => checked(name, '--host')));
  if (hosts !== undefined)
    for (const line of readInput(hosts, MAX_LIST_BYTES, timeout).toString('utf8').split('\n')) {
      const name = line.replace(/#.*/, '').trim();
      if (name !== '') found.push(checked(name, hosts));
    }
  if (found.length === 0) throw usageError(hosts ?? '--host', 'names no host');
  return [...new Set(found)];
}

/** Nothing that `ssh` could take for an option, or a terminal for a control sequence; it checks the rest itself. */
function checked(name: string, subject: string): string {
  if (/^[^-\s\p{C}][^\s\p{C}]{0,254}$/u.test(name)) return name;
  throw usageError(subject, `'${name}' is no host`, 'write [USER@]HOST, several with commas between them');
}

/** Returns the way to the hosts. `UDRV_SSH` names another program than `ssh`. */
export function wayOf({ sshOption = [], sudo, hostTimeout }: FleetOptions, env: NodeJS.ProcessEnv): Way {
  return {
    ssh: env['UDRV_SSH'] || 'ssh',
    options: sshOption,
    sudo: sudo === true,
    timeoutMs: hostTimeout || DEFAULT_TIMEOUT_MS,
  };
}
