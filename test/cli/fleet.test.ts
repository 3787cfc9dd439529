import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { generateSysroot } from '../bench/generated-sysroot';
import { describeWith } from '../support/requires';
import { SSHD, startHosts } from '../support/ssh-hosts';
import { plant, scratch } from './tree';
import { cliFails, outcomeOf, start, udrv } from './udrv';

// Hosts that are read over ssh: by a stand-in for ssh that runs the shell here, and by ssh from sshd on loopback.

const dir = scratch();

/** Makes a program that stands in for ssh: it gets the arguments of ssh, the last of which is the command. */
function standIn(name: string, script: string): { env: NodeJS.ProcessEnv } {
  const file = join(dir, name);
  writeFileSync(file, `#!/bin/bash\nfor command; do :; done\n${script}\n`);
  chmodSync(file, 0o755);
  return { env: { UDRV_SSH: file } };
}

const here = standIn('here', 'exec sh -c "$command"');

/** Returns the documents of lines of JSON, in their order. */
function documentsIn(text: string) {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

const hostsIn = (text: string): string[] => documentsIn(text).map(({ host }) => host);
const messagesIn = (text: string): string[] => documentsIn(text).map(({ error }) => error.message);

// First, for it waits longest: tests begin in this order.
describeWith(SSHD, 'hosts behind ssh', () => {
  const live = ['127.0.3.1', '127.0.3.2', '127.0.3.3', '127.0.3.4'];
  const [slow, silent, dead] = ['127.0.3.5', '127.0.3.6', '127.0.3.7'];

  test.concurrent('are listed, whatever some of them do', async () => {
    const sshd = Object.fromEntries(live.map((host) => [host, null]));
    await using running = await startHosts(join(dir, 'ssh'), {
      sshd: { ...sshd, [slow]: 'sleep 600' },
      silent: [silent],
    });
    const options = running.options.flatMap((option) => ['--ssh-option', option]);
    const hosts = [dead, ...live, slow, silent].map((host) => `${userInfo().username}@${host}`).join(',');
    const { stdout, stderr, exit } = await udrv([
      '--json',
      '--host',
      hosts,
      '--host-timeout',
      '30',
      ...options,
      'list',
      '-a',
    ]);
    const local = JSON.parse((await udrv('--json list -a')).stdout);
    expect(documentsIn(stdout)).toEqual(live.map((host) => ({ ...local, host: `${userInfo().username}@${host}` })));
    expect(messagesIn(stderr)).toEqual([
      expect.stringMatching(/^\S+@127\.0\.3\.7: ssh: connect to host 127\.0\.3\.7 port \d+: Connection refused$/),
      expect.stringMatching(/^\S+@127\.0\.3\.5: no answer within 30 s$/),
      expect.stringMatching(
        /^\S+@127\.0\.3\.6: (?:no answer within 30 s|Connection timed out during banner exchange|.*timed out.*)$/,
      ),
    ]);
    expect(exit).toBe(1);
  });
});

describe('a host', () => {
  const root = join(dir, 'root');
  generateSysroot(root, 10);
  plant(root, {
    'sys/bus/pci/devices/0000:00:00.0/config': Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    'sys/class/uio/uio7/name': 'no newline',
    'sys/class/uio/uio7/version': ' \\t\\x41 %s  \n',
    'sys/class/uio/uio7/event': '',
    'sys/class/uio/uio7/maps/map0/name': 'two\nlines\n',
    'proc/cmdline': 'a'.repeat(100_000),
  });
  const facts = (snapshot: string) =>
    snapshot
      .split('\n')
      // Names are this machine's, and a copied tree has no owners.
      .filter((line) => !line.startsWith('/usr/share/') && !line.startsWith('# end'))
      .map((line) => line.replace(/( @ \w+) 0\d+ \d+:\d+$/, '$1'));

  // The questions are put below the root, and the links in the answers back.
  test.concurrent.each(['dash', 'bash', 'busybox sh'])(
    'is recorded by %s as a copy of its files is, byte for byte',
    async (shell) => {
      const ssh = standIn(
        shell.replace(' ', '-'),
        `sed -u 's#^\\([TFDALP]\\) /#\\1 ${root}/#' | exec ${shell} -s | sed -u 's# ${root}/# /#'`,
      );
      const local = join(dir, `local-${shell}`);
      const remote = join(dir, `remote-${shell}`);
      expect(await udrv(['--sysroot', root, 'snapshot', '-o', local])).toEqual({ stdout: '', stderr: '', exit: 0 });
      expect(await udrv(['--host', 'far', 'snapshot', '-o', remote], ssh)).toEqual({ stdout: '', stderr: '', exit: 0 });
      const lines = facts(readFileSync(remote, 'utf8'));
      expect(lines.length).toBeGreaterThan(200);
      expect(lines).toEqual(facts(readFileSync(local, 'utf8')));
    },
  );

  test.concurrent('is listed, shown and examined as it would itself', async () => {
    for (const command of ['list --all', '--json list --type pci -q', 'vfio groups', 'usb list --tree']) {
      const far = await udrv(`--host far ${command}`, here);
      const near = await udrv(command);
      expect(far.stdout.replace('"host":"far",', '')).toBe(near.stdout);
      expect(far.exit).toBe(near.exit);
    }
    const doctor = await udrv('--host far doctor --json', here);
    expect(JSON.parse(doctor.stdout)).toMatchObject({ schema: 'udrv.doctor/1', host: 'far', machine: 'remote' });
  });

  test.concurrent('may greet, and its errors name it', async () => {
    const friendly = standIn('friendly', 'echo "Welcome to $USER"; echo "Have fun" >&2; exec sh -c "$command"');
    expect(await udrv('--host far show 0000:99:00.0', friendly)).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^udrv: far: 0000:99:00.0: no such device/),
      exit: 3,
    });
    const { stderr } = await udrv('--host far --json show 0000:99:00.0', friendly);
    expect(JSON.parse(stderr).error).toMatchObject({ code: 'ENODEV', device: '0000:99:00.0', exit: 3 });
  });

  test.concurrent('is told nothing but sh, by options that are not its own', async () => {
    const spy = standIn('spy', `printf '%s\\n' "$@" >&2; exit 255`);
    const { stderr, exit } = await udrv('--host root@far --sudo --ssh-option Port=2222 list', spy);
    expect(stderr).toBe('udrv: root@far: sudo -n sh -s\n');
    expect(exit).toBe(1);
  });
});

describe('hosts', () => {
  test.concurrent('stand in one table, in the order in which they are named', async () => {
    writeFileSync(join(dir, 'hosts'), '# the lab\nb\n  a # twice\n\n');
    const { stdout, exit } = await udrv(
      ['--host', 'a,c', '--hosts', join(dir, 'hosts'), 'list', '--type', 'pci'],
      here,
    );
    const local = await udrv('list --type pci');
    expect(exit).toBe(0);
    const rows = stdout.split('\n').filter((line) => line !== '');
    if (local.stdout === '') return;
    expect(rows[0]).toMatch(/^HOST {2}TYPE/);
    expect([...new Set(rows.slice(1).map((row) => row.split(' ')[0]))]).toEqual(['a', 'c', 'b']);
  });

  test.concurrent('have a document each, or a file each', async () => {
    const { stdout } = await udrv('--host a,b --json list', here);
    expect(hostsIn(stdout)).toEqual(['a', 'b']);
    await udrv(['--host', 'a,b', 'snapshot', '-o', join(dir, '%h.snapshot')], here);
    for (const host of ['a', 'b'])
      expect(readFileSync(join(dir, `${host}.snapshot`), 'utf8')).toMatch(/^# udrv snapshot 1\n/);
  });

  test.concurrent('are measured together', async () => {
    const { stdout, exit } = await udrv('--host a,b metrics', here);
    expect(exit).toBe(0);
    expect(stdout.match(/^# TYPE udrv_unreadable_attributes gauge$/gm)).toHaveLength(1);
    expect(stdout).toMatch(/^udrv_unreadable_attributes\{host="a"\} \d+\nudrv_unreadable_attributes\{host="b"\} \d+$/m);
  });
});

describe('what is no host, or cannot be done there', () => {
  cliFails(2, [
    [
      '--host -oProxyCommand=x list',
      "--host: '-oProxyCommand=x' is no host",
      'write [USER@]HOST, several with commas between them',
    ],
    ['--host a,,b list', "--host: '' is no host", 'write [USER@]HOST, several with commas between them'],
    [['--host', 'a b', 'list'], "--host: 'a b' is no host", 'write [USER@]HOST, several with commas between them'],
    [
      ['--host', 'a\x1b[2J', 'list'],
      "--host: 'a\\x1b[2J' is no host",
      'write [USER@]HOST, several with commas between them',
    ],
    ['--host a --sim list', '--host: names a machine, and so do --sysroot, --snapshot and --sim: give one'],
    ['--host a --snapshot x list', '--host: names a machine, and so do --sysroot, --snapshot and --sim: give one'],
    ['--hosts /dev/null list', '/dev/null: names no host'],
    [
      '--host a bind 0000:00:03.0 vfio-pci',
      '--host: other machines can only be inspected from here',
      'run udrv there: ssh HOST udrv ...',
    ],
    [
      '--host a usb ctrl 1-2 0x80 6 0x100 0 18',
      '--host: other machines can only be inspected from here',
      'run udrv there: ssh HOST udrv ...',
    ],
    ['--host a,b snapshot', '--host: each host needs a file of its own', 'write %h for the host: -o %h.out'],
  ]);
});

/** Reads the script to its end, and answers that it runs; then does as it likes. */
const READY = `while read -r l; do case $l in 'say()'*) m=\${l#*\\\\n}; m=\${m%% *};; exit) break;; esac; done; printf '\\n%s READY\\n' "$m"`;

const HOSTILE: [name: string, script: string, says: RegExp, exit: number][] = [
  ['garbage', 'exec head -c 1000000 /dev/urandom', /^udrv: far: sent \d+ bytes that no shell sends, such as: .*\n$/, 1],
  [
    'a line without an end',
    'exec tr "\\0" x </dev/zero',
    /^udrv: far: sent \d+ bytes that no shell sends, such as: x{40}\n$/,
    1,
  ],
  ['nothing', 'exit 0', /^udrv: far: no shell answered there, and the exit code is 0\n$/, 1],
  ['nothing at all', 'exec sleep 60', /^udrv: far: no answer within 3 s \(ETIMEDOUT\)\n$/, 6],
  [
    'escape sequences',
    `printf '\\033]0;owned\\007\\033[2J' >&2; exit 3`,
    /^udrv: far: \\x1b\]0;owned\\x07\\x1b\[2J\n$/,
    1,
  ],
  ['gigabytes', `${READY}; exec yes`, /^udrv: far: sent more than 32M\n$/, 1],
  ['answers and no more', `${READY}; exit 7`, /^udrv: far: the connection ended before everything was read\n$/, 1],
  [
    'silence in the middle',
    `${READY}; exec sleep 60`,
    /^udrv: far: not everything was read within 3 s \(ETIMEDOUT\)\n$/,
    6,
  ],
  [
    'a password that is asked for',
    `echo 'sudo: a password is required' >&2; exit 1`,
    /^udrv: far: sudo does not run there without a password: sudo: a password is required\nhint: .*--host root@far\n$/,
    4,
  ],
  [
    'a refusal',
    `echo 'far: Permission denied (publickey).' >&2; exit 255`,
    /^udrv: far: far: Permission denied \(publickey\)\.\n$/,
    4,
  ],
];

describe('a hostile host costs one error line', () => {
  test.concurrent.each(HOSTILE)('%s', async (name, script, says, exit) => {
    const ssh = standIn(name.replaceAll(' ', '-'), script);
    const outcome = await udrv('--host far --sudo --host-timeout 3 list', ssh);
    expect(outcome).toEqual({ stdout: '', stderr: expect.stringMatching(says), exit });
  });

  test.concurrent('and the others lose nothing', async () => {
    const ssh = standIn(
      'mixed',
      `case $* in *' good'*) exec sh -c "$command";; *' slow '*) exec sleep 60;; *' flood '*) exec cat /dev/zero;; esac; exit 1`,
    );
    const { stdout, stderr, exit } = await udrv(
      '--json --host good1,slow,flood,dead,good2 --host-timeout 10 list',
      ssh,
    );
    expect(hostsIn(stdout)).toEqual(['good1', 'good2']);
    expect(messagesIn(stderr)).toEqual([
      'slow: no answer within 10 s',
      expect.stringMatching(/^flood: sent \d+ bytes that no shell sends/),
      'dead: no shell answered there, and the exit code is 1',
    ]);
    expect(exit).toBe(6);
  });

  test.concurrent('ends with Ctrl-C, and so do the processes', async () => {
    const ssh = standIn('patient', `echo $$ >${join(dir, 'patient.pid')}; exec sleep 60`);
    const child = start('--host far,near list', ssh);
    const ended = outcomeOf(child);
    const pid = await appears(join(dir, 'patient.pid'));
    child.kill('SIGINT');
    expect(await ended).toEqual({ stdout: '', stderr: '', exit: 130 });
    while (lives(pid)) await delay(20);
  });

  test.concurrent('without ssh here', async () => {
    const { stderr, exit } = await udrv('--host far list', { env: { UDRV_SSH: '/nonexistent/ssh' } });
    expect(stderr).toBe('udrv: far: /nonexistent/ssh is not installed here\nhint: install the client of OpenSSH\n');
    expect(exit).toBe(1);
  });
});

/** Tells whether a process is there and has not ended; its parent may not have asked for its end yet. */
function lives(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !readFileSync(file, 'latin1').includes(') Z ');
}

/** Waits for a file with a number in it. */
async function appears(file: string): Promise<number> {
  for (;;) {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (text.endsWith('\n')) return Number(text);
    await delay(20);
  }
}
