import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { environment } from '../support/environment';
import { describeWith } from '../support/requires';
import { SSHD, startHosts } from '../support/ssh-hosts';
import { scratch } from './tree';
import { outcomeOf, ROOT, UDRV, udrv } from './udrv';

// The example for Ansible, run against two hosts behind sshd on loopback. udrv on them works on a simulated machine of
// each host, which keeps its state in a file: drivers and rules of udev change there as on a real one.

const PLAYBOOK = join(ROOT, 'fixtures/examples/ansible/bind.yml');
const directory = scratch();
const NVME = '0000:01:00.0';

describeWith(SSHD, 'over ssh', () =>
  describeWith('ansible-playbook', 'the example for Ansible', () => {
    test('changes what it says, and nothing the second time', async () => {
      const dir = directory;
      const hosts = ['127.0.4.1', '127.0.4.2'];
      await using running = await startHosts(join(dir, 'ssh'), {
        sshd: Object.fromEntries(hosts.map((host) => [host, null])),
      });
      const machineOf = (host: string) => join(dir, `machine-${host}`);
      const inventory = join(dir, 'inventory');
      writeFileSync(
        inventory,
        hosts.map((host) => `${host} udrv="${process.execPath} ${UDRV} --sim=${machineOf(host)}"\n`).join(''),
      );
      const play = (...args: string[]) =>
        outcomeOf(
          spawn('ansible-playbook', ['-i', inventory, '-e', 'udrv_id=1b36:0010 udrv_become=false', ...args, PLAYBOOK], {
            env: environment({
              HOME: dir,
              ANSIBLE_NOCOLOR: '1',
              ANSIBLE_PIPELINING: '1',
              ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3',
              ANSIBLE_SSH_ARGS: running.options.map((option) => `-o ${option}`).join(' '),
            }),
            stdio: ['ignore', 'pipe', 'pipe'],
          }),
        );
      const drivers = () =>
        Promise.all(
          hosts.map(async (host) => {
            const { stdout } = await udrv(`--sim=${machineOf(host)} --json list --type pci ${NVME}`);
            const saved = await udrv(`--sim=${machineOf(host)} --json bind --list-saved`);
            return [JSON.parse(stdout).devices[0].driver, JSON.parse(saved.stdout).saved.length];
          }),
        );
      const changed = (stdout: string) =>
        [...stdout.matchAll(/changed=(\d+) .*failed=(\d+)/g)].map((match) => match.slice(1, 3));

      const check = await play('--check', '-v');
      if (check.exit !== 0) throw new Error(check.stdout + check.stderr);
      expect(changed(check.stdout)).toEqual([
        ['1', '0'],
        ['1', '0'],
      ]);
      expect(check.stdout).toContain(`echo vfio-pci > /sys/bus/pci/devices/${NVME}/driver_override`);
      expect(await drivers()).toEqual([
        ['nvme', 0],
        ['nvme', 0],
      ]);

      expect(changed((await play()).stdout)).toEqual([
        ['1', '0'],
        ['1', '0'],
      ]);
      expect(await drivers()).toEqual([
        ['vfio-pci', 1],
        ['vfio-pci', 1],
      ]);

      // One host loses the driver, but not the rule: that one alone is changed.
      await udrv(`--sim=${machineOf(hosts[1] ?? '')} restore ${NVME}`);
      expect(changed((await play()).stdout)).toEqual([
        ['0', '0'],
        ['1', '0'],
      ]);
      expect(await drivers()).toEqual([
        ['vfio-pci', 1],
        ['vfio-pci', 1],
      ]);
    }, 240_000);
  }),
);
