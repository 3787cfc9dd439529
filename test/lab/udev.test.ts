import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInLab } from './jest';
import { backendsOf, bootLab } from './lab';

// The guest with udev. Its user is in the group plugdev, which has the number 46 on every Debian.

const UIO = '0000:00:04.0';
const VFIO = '0000:00:03.0';
const DISK = '1-4';
/** Only in these tests: a function that no driver of the kernel knows. */
const SPARE = '0000:00:0b.0';

const rules = mkdtempSync(join(tmpdir(), 'udrv-rules-'));
const machine = { udevRules: rules, qemuArgs: ['-device', 'edu,addr=0b.0'] };
afterAll(() => rmSync(rules, { recursive: true }));

const GROUPS = 'setpriv --reuid 1000 --regid 1000 --groups 46';
const SLOW = { timeoutMs: 120_000 };

describeInLab(
  'udev on a real kernel',
  (lab, kernel) => {
    const run = (command: string) => lab().run(command, SLOW);
    const asMember = (command: string) => run(`${GROUPS} ${command}`);
    const asUser = (command: string) => lab().run(command, { ...SLOW, user: true });
    const driverOf = async (address: string) =>
      (await run(`basename "$(readlink /sys/bus/pci/devices/${address}/driver)"`)).stdout.trim();

    // A test that fails must not decide the next ones.
    afterEach(() => {
      for (const name of readdirSync(rules)) rmSync(join(rules, name));
    });

    it('sets its devices up without a complaint', () => expect(lab().setupLog).toBe(''));

    test('a UIO device is given to the group, read and re-armed by its member, and taken back', async () => {
      expect((await asMember('udrv uio read uio0 map0 0')).code).toBe(4);
      const { stdout, code } = await run('udrv udev uio0 --install');
      expect({ stdout: stdout.split('\n'), code }).toEqual({
        stdout: [
          `/etc/udev/rules.d/70-udrv-uio-${UIO}.rules: written`,
          '/dev/uio0: group plugdev, mode 0660',
          `/sys/bus/pci/devices/${UIO}/config: group plugdev, mode 0664`,
          '',
        ],
        code: 0,
      });
      expect(await asMember('udrv uio read uio0 map0 0')).toMatchObject({ stdout: '0x010000ed\n', code: 0 });
      expect(await asMember('udrv uio irq uio0 on')).toMatchObject({ code: 0 });
      expect((await asUser('udrv uio read uio0 map0 0')).code).toBe(4);
      expect(await run(`udrv udev ${UIO} --check`)).toMatchObject({
        stdout: `/etc/udev/rules.d/70-udrv-uio-${UIO}.rules:4: for this device: GROUP="plugdev", MODE="0660"\n`,
        code: 0,
      });
      expect(await run('udrv udev uio0 --remove')).toMatchObject({ stderr: '', code: 0 });
      expect((await run(`stat -c '%G %a' /dev/uio0 /sys/bus/pci/devices/${UIO}/config`)).stdout).toBe(
        'root 600\nroot 644\n',
      );
      expect(readdirSync(rules)).toEqual([]);
    });

    test('a VFIO device is given to the group and opened by its member, by every way in', async () => {
      expect((await asMember(`udrv vfio info ${VFIO}`)).code).toBe(4);
      expect(await run(`udrv udev ${VFIO} --install`)).toMatchObject({ code: 0 });
      const backends = backendsOf(kernel);
      for (const backend of backends)
        expect(await asMember(`udrv vfio info ${VFIO} --backend ${backend}`)).toMatchObject({ stderr: '', code: 0 });
      expect(await asMember(`udrv vfio read ${VFIO} bar0 0`)).toMatchObject({ stdout: '0x010000ed\n', code: 0 });
      expect((await asUser(`udrv vfio info ${VFIO}`)).code).toBe(4);
      expect(await run(`udrv udev ${VFIO} --remove`)).toMatchObject({ stderr: '', code: 0 });
      expect((await asMember(`udrv vfio info ${VFIO}`)).code).toBe(4);
      expect(readdirSync(rules)).toEqual([]);
    });

    test('a USB device is given to the group and asked by its member, and the next one of its kind too', async () => {
      const ask = 'udrv usb ctrl 1-6 GET_DESCRIPTOR device';
      await lab().qmp('device_add', { driver: 'usb-wacom-tablet', id: 'tablet2', bus: 'xhci.0', port: '6' });
      await run('until [ -e /sys/bus/usb/devices/1-6/product ]; do sleep 0.05; done');
      expect((await asMember(ask)).code).toBe(4);
      expect(await run('udrv udev 1-6 --install')).toMatchObject({ code: 0 });
      const { stdout, code } = await asMember(ask);
      expect({ first: stdout.slice(0, 13), code }).toEqual({ first: '0x0000  12 01', code: 0 });
      await lab().qmp('device_del', { id: 'tablet2' });
      await run('while [ -e /sys/bus/usb/devices/1-6 ]; do sleep 0.05; done');
      await lab().qmp('device_add', { driver: 'usb-wacom-tablet', id: 'tablet3', bus: 'xhci.0', port: '6' });
      await run('until [ -e /sys/bus/usb/devices/1-6/product ]; do sleep 0.05; done; udevadm settle');
      expect(await asMember(ask)).toMatchObject({ code: 0 });
      expect(await run('udrv udev 1-6 --remove')).toMatchObject({ stderr: '', code: 0 });
      expect((await asMember(ask)).code).toBe(4);
      await lab().qmp('device_del', { id: 'tablet3' });
    });

    test('the seat has the tag, and no longer', async () => {
      const tags = () => run(`grep -x Q:uaccess /run/udev/data/c$(cat /sys/bus/usb/devices/${DISK}/dev)`);
      expect(await run(`udrv udev ${DISK} --uaccess --install`)).toMatchObject({ code: 0 });
      expect((await tags()).code).toBe(0);
      expect(await run(`udrv udev ${DISK} --remove`)).toMatchObject({ code: 0 });
      expect((await tags()).code).toBe(1);
    });

    test('the plan does the same when it is typed', async () => {
      const { stdout } = await run('udrv udev uio0 --install -n');
      await run(stdout);
      expect(await asMember('udrv uio read uio0 map0 0')).toMatchObject({ code: 0 });
      await run('udrv udev uio0 --remove');
    });

    // Each as it stands in a file, the device that it means, and what --check says of it.
    test.each([
      [
        '70-lab.rules',
        'SUBSYSTEM=="uio", KERNELS=="0000:00:04.0", GROUP=="plugdev", MODE="0660"',
        'uio0',
        'compares and does not set',
      ],
      ['70-lab.rules', 'SUBSYSTEM=="uio", KERNEL=="0000:00:04.0", GROUP="plugdev"', 'uio0', 'write KERNELS'],
      [
        '70-lab.rules',
        'BUS=="usb", SYSFS{idVendor}=="46f4", SYSFS{idProduct}=="0001", MODE="0666"',
        '1-4',
        'no key of udev any more',
      ],
      [
        '70-lab.rules',
        'SUBSYSTEM=="usb", ATTR{idVendor}=="0x46f4", ATTR{idProduct}=="0x0001", MODE="0666"',
        '1-4',
        'is compared as text',
      ],
      [
        '99-lab.rules',
        'SUBSYSTEM=="usb", ATTR{idVendor}=="46f4", ATTR{idProduct}=="0001", TAG+="uaccess"',
        '1-4',
        '73-seat-late.rules',
      ],
      [
        '70-lab.rules',
        'SUBSYSTEM=="usb", ATTR{idVendor}=="46f4", ATTR{idProduct}=="0001", GROUP="nosuch"',
        '1-4',
        'there is no group nosuch',
      ],
    ])('%s: %s', async (name, rule, device, problem) => {
      writeFileSync(join(rules, name), `${rule}\n`);
      const broken = await run(`udrv udev ${device} --check`);
      rmSync(join(rules, name));
      expect(broken.code).toBe(1);
      expect(broken.stdout).toContain(problem);
      expect(broken.stdout.match(/wrong: /g)).toHaveLength(1);
    });

    test('a rule that has the last word is named, and nothing of udrv stays', async () => {
      writeFileSync(join(rules, '90-late.rules'), 'SUBSYSTEM=="uio", GROUP="root", MODE="0600"\n');
      const { stderr, code } = await run('udrv udev uio0 --install');
      rmSync(join(rules, '90-late.rules'));
      expect(code).toBe(1);
      expect(stderr).toContain('90-late.rules:1 gives it to another group afterwards');
      expect(readdirSync(rules)).toEqual([]);
    });

    test('a binding that is saved is there after a reboot, and after it is forgotten it is not', async () => {
      expect(await run(`udrv bind ${SPARE} uio_pci_generic --save`)).toMatchObject({ code: 0 });
      expect(readdirSync(rules)).toEqual([`71-udrv-bind-${SPARE}.rules`]);
      const second = await bootLab({ ...machine, kernel, processors: 1 });
      const inSecond = (command: string) => second.run(command, SLOW);
      try {
        const { stdout } = await inSecond(`udrv show ${SPARE} --json; udrv bind --list-saved`);
        expect(stdout).toMatch(/"driver":"uio_pci_generic"/);
        expect(stdout).toMatch(/uio_pci_generic +udrv +\/etc\/udev\/rules\.d\/71-/);
        expect(await inSecond(`udrv restore ${SPARE} --forget`)).toMatchObject({ code: 0 });
      } finally {
        await second.shutdown();
      }
      expect(readdirSync(rules)).toEqual([]);
      const third = await bootLab({ ...machine, kernel, processors: 1 });
      try {
        expect((await third.run(`ls /sys/bus/pci/devices/${SPARE}/driver`, SLOW)).code).not.toBe(0);
      } finally {
        await third.shutdown();
      }
      expect(await driverOf(SPARE)).toBe('uio_pci_generic');
    }, 600_000);

    // Last: it ends the daemon.
    test('without its daemon the rules are written, and it is said what starts it', async () => {
      await run('pkill -f systemd-udevd; while pgrep -f systemd-udevd; do sleep 0.1; done');
      const { stdout, stderr, code } = await run('udrv udev uio0 --install');
      expect({ stdout, code }).toEqual({ stdout: `/etc/udev/rules.d/70-udrv-uio-${UIO}.rules: written\n`, code: 0 });
      expect(stderr).toContain('systemctl start systemd-udevd');
      expect(await run('udrv udev uio0 --remove')).toMatchObject({ code: 0 });
      expect(readdirSync(rules)).toEqual([]);
    });
  },
  { ...machine, long: 'stock' },
);
