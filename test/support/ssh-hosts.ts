import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

export const SSHD = '/usr/sbin/sshd';

/** sshd listens on no more addresses (MAX_LISTEN_SOCKS). */
const ADDRESSES_AT_ONCE = 16;

/** Hosts on loopback, by address. */
export interface Hosts {
  /** A command for each that runs instead of the one that is asked for; null: none. */
  sshd: Readonly<Record<string, string | null>>;
  /** These take connections and never say a word. */
  silent?: readonly string[];
}

/** Hosts that ssh reaches on this machine, with keys of their own. */
export interface RunningHosts extends AsyncDisposable {
  port: number;
  /** The options of ssh that lead to them, as `-o` takes them. */
  options: string[];
}

/** Starts hosts. @param directory for keys and settings; nothing else may be in it */
export async function startHosts(directory: string, { sshd, silent = [] }: Hosts): Promise<RunningHosts> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = (name: string) => join(directory, name);
  for (const key of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'test', '-f', file(key)]);
  mkdirSync(file('home'));
  copyFileSync(file('user.pub'), file('authorized'));
  // Its own directory for the processes that have no rights; the package makes it at boot.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });

  const children: ChildProcess[] = [];
  const servers: Server[] = [];
  const port = 20_000 + (process.pid % 20_000);
  const addresses = Object.keys(sshd);
  for (let i = 0; i < addresses.length; i += ADDRESSES_AT_ONCE) {
    const own = addresses.slice(i, i + ADDRESSES_AT_ONCE);
    const config = file(`sshd_config.${i}`);
    writeFileSync(config, configOf(port, own, sshd, file));
    children.push(spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'ignore'] }));
  }
  for (const address of silent) {
    const server = createServer((socket) => socket.on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(port, address, resolve));
    servers.push(server);
  }
  await Promise.all(addresses.map((address) => accepts(port, address)));
  return {
    port,
    options: [
      `Port=${port}`,
      `IdentityFile=${file('user')}`,
      'IdentitiesOnly=yes',
      'IdentityAgent=none',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      'LogLevel=ERROR',
    ],
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill();
      for (const server of servers) server.close();
    },
  };
}

function configOf(port: number, addresses: readonly string[], commands: Hosts['sshd'], file: (name: string) => string) {
  const lines = [
    `Port ${port}`,
    ...addresses.map((address) => `ListenAddress ${address}`),
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('authorized')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'MaxStartups 200',
    'LoginGraceTime 300',
    'PrintMotd no',
    // The login shell reads what it finds there: nothing.
    `SetEnv HOME=${file('home')}`,
  ];
  for (const address of addresses) {
    const command = commands[address];
    if (command) lines.push(`Match LocalAddress ${address}`, `  ForceCommand ${command}`);
  }
  return `${lines.join('\n')}\n`;
}

async function accepts(port: number, address: string): Promise<void> {
  for (let attempts = 0; ; attempts++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, address, () => resolve(true));
      socket.on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isOpen) return;
    if (attempts > 100) throw new Error(`no sshd on ${address}:${port}`);
    await delay(100);
  }
}
