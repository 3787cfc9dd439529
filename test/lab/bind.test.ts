import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInLab } from './jest';
import { untilExists } from './look';

const NVME = '0000:01:00.0';
const EDU = '0000:00:04.0';
/** Only in these tests: a disk that keeps what is written to it, and a network card. */
const DISK = '0000:00:0c.0';
const NIC = '0000:00:0b.0';

const disks = mkdtempSync(join(tmpdir(), 'udrv-disk-'));
const image = join(disks, 'nvme');
writeFileSync(image, '');
truncateSync(image, 16 * 1024 * 1024);
afterAll(() => rmSync(disks, { recursive: true }));

const qemuArgs = [
  ...['-device', `e1000e,addr=0b.0`],
  ...['-blockdev', `driver=file,filename=${image},node-name=bind0`],
  ...['-device', 'nvme,addr=0c.0,drive=bind0,serial=UDRVBIND'],
];

describeInLab(
  'bind, unbind and restore on a real kernel',
  (lab, kernel) => {
    const run = (command: string, options = {}) => lab().run(command, { timeoutMs: 120_000, ...options });
    const sysfs = (address: string) => `/sys/bus/pci/devices/${address}`;
    /** The driver and the override, as sysfs has them. */
    const bindingOf = (address: string) => bindingIn(sysfs(address));
    const bindingIn = (folder: string) =>
      lab().evaluate((fs, path) => {
        const driver = fs.existsSync(`${path}/driver`) ? fs.readlinkSync(`${path}/driver`).split('/').pop() : '';
        return `${driver} ${fs.readFileSync(`${path}/driver_override`, 'utf8').trim()}`.trim();
      }, folder);
    const done = { stderr: '', code: 0 };
    /** The disk's name: the kernel numbers disks as it finds them. */
    let disk = '';

    beforeAll(async () => {
      await run('modprobe -a vfio_iommu_type1 e1000e');
      const ready = `until ls ${sysfs(DISK)}/nvme/nvme*/ | grep -m 1 -x 'nvme[0-9]*n1'; do sleep 0.1; done`;
      disk = (await run(ready)).stdout.trim();
      await untilExists(lab(), `${sysfs(NIC)}/net`);
    }, 120_000);

    test('dry-run prints each write, which a shell takes, and changes nothing', async () => {
      const { stdout, stderr, code } = await run(`udrv bind ${NVME} vfio-pci --dry-run`);
      expect({ stderr, code }).toEqual(done);
      expect(stdout.split('\n')).toEqual([
        `echo ${NVME} > /sys/bus/pci/drivers/nvme/unbind`,
        `echo vfio-pci > ${sysfs(NVME)}/driver_override`,
        `echo ${NVME} > /sys/bus/pci/drivers/vfio-pci/bind`,
        '',
      ]);
      expect(await bindingOf(NVME)).toBe('nvme (null)');
      expect((await run('ls /run/udrv')).code).not.toBe(0);
      await run(stdout);
      expect(await bindingOf(NVME)).toBe('vfio-pci vfio-pci');
      const { stdout: back } = await run(`udrv restore ${NVME} --dry-run -q`);
      await run(back);
      expect(await bindingOf(NVME)).toBe('nvme (null)');
    });

    test('a disk goes to vfio-pci, to uio_pci_generic, and back to its driver', async () => {
      const first = await run(`udrv bind ${NVME} vfio_pci`);
      expect(first).toMatchObject(done);
      expect(first.stdout).toMatch(/^0000:01:00\.0: vfio-pci, was nvme; \/dev\/vfio\/.*\d\n$/);
      expect(await bindingOf(NVME)).toBe('vfio-pci vfio-pci');
      expect((await run(`ls -l ${first.stdout.split('; ')[1]}`)).code).toBe(0);
      expect((await run(`udrv bind ${NVME} vfio-pci`)).stdout).toMatch(/vfio-pci, as before; /);
      expect((await run(`udrv bind ${NVME} uio_pci_generic`)).stdout).toMatch(/^.*, was vfio-pci; \/dev\/uio\d+\n$/);
      expect(await bindingOf(NVME)).toBe('uio_pci_generic uio_pci_generic');
      const { devices } = JSON.parse((await run(`udrv --json restore ${NVME}`)).stdout);
      expect(devices).toMatchObject([{ address: NVME, framework: 'pci', driver: 'nvme' }]);
      expect(await bindingOf(NVME)).toBe('nvme (null)');
      expect((await run('ls /run/udrv/bind | grep -vx lock')).stdout).toBe('');
      await run(`until ls ${sysfs(NVME)}/nvme/*/ | grep -qx 'nvme[0-9]*n1'; do sleep 0.1; done`);
    });

    test('a device changes between UIO and VFIO, by whichever name', async () => {
      expect(await run('udrv bind uio0 vfio-pci')).toMatchObject(done);
      expect(await bindingOf(EDU)).toBe('vfio-pci vfio-pci');
      expect(await run(`udrv restore ${EDU}`)).toMatchObject(done);
      expect(await bindingOf(EDU)).toBe('uio_pci_generic uio_pci_generic');
      expect((await run('udrv uio read uio0 map0 0')).stdout).toBe('0x010000ed\n');
    });

    test('unbind leaves it without a driver, and restore knows which it had', async () => {
      expect((await run(`udrv unbind ${EDU} ${NVME}`)).stdout).toBe(
        `${EDU}: no driver, was uio_pci_generic\n${NVME}: no driver, was nvme\n`,
      );
      expect(await bindingOf(EDU)).toBe('uio_pci_generic');
      expect(await run(`udrv restore ${NVME} ${EDU}`)).toMatchObject(done);
      expect([await bindingOf(EDU), await bindingOf(NVME)]).toEqual(['uio_pci_generic uio_pci_generic', 'nvme (null)']);
    });

    test('with nothing remembered the kernel chooses', async () => {
      await run(`udrv bind ${NVME} vfio-pci && rm /run/udrv/bind/${NVME}`);
      expect(await run(`udrv restore ${NVME}`)).toMatchObject({
        stdout: `${NVME}: nvme, was vfio-pci\n`,
        stderr: `udrv: ${NVME}: no earlier binding is recorded: the kernel chooses the driver\n`,
        code: 0,
      });
      expect(await bindingOf(NVME)).toBe('nvme (null)');
    });

    test('one of a group is bound with a warning, the group makes it viable, the bridge is left alone', async () => {
      const one = await run('udrv bind 0000:02:01.0 vfio-pci');
      expect(one).toMatchObject({
        stderr:
          'udrv: group 7 is not viable yet: blocked by 0000:02:02.0 (virtio-pci); udrv bind 0000:02:01.0 vfio-pci --group\n',
        code: 0,
      });
      const bridge = await bindingOf('0000:00:09.0');
      const group = await run('udrv --json bind 0000:02:02.0 vfio-pci --group');
      expect(group).toMatchObject(done);
      const { devices } = JSON.parse(group.stdout);
      expect(devices.map((d: { address: string }) => d.address)).toEqual(['0000:02:01.0', '0000:02:02.0']);
      expect(devices[0].vfio).toMatchObject({ viable: true, blockers: [] });
      expect(await bindingOf('0000:00:09.0')).toBe(bridge);
      expect(await run('udrv restore 0000:02:02.0 --group')).toMatchObject(done);
      expect(await bindingOf('0000:02:02.0')).toBe('virtio-pci (null)');
      expect(await bindingOf('0000:02:01.0')).toBe('vfio-pci vfio-pci');
    });

    test('a mounted disk is refused, by name, until it is unmounted', async () => {
      await run(`mkfs.ext2 -q /dev/${disk} && mkdir -p '/run/a mount' && mount -t ext2 /dev/${disk} '/run/a mount'`);
      try {
        expect(await run(`udrv bind ${DISK} vfio-pci`)).toMatchObject({
          stdout: '',
          stderr: `udrv: ${DISK}: refused: ${disk} is mounted on /run/a mount\nhint: umount '/run/a mount'; or --force does it anyway\n`,
          code: 5,
        });
        expect((await run(`udrv unbind ${disk} -n`)).code).toBe(5);
        expect((await run(`udrv bind ${DISK} vfio-pci --force -n`)).code).toBe(0);
        expect(await bindingOf(DISK)).toBe('nvme (null)');
        // In another mount namespace alone.
        const elsewhere = lab().spawn(`unshare -m bash -c 'echo inside; exec sleep 100'`);
        await elsewhere.waitFor(/inside/);
        await run(`umount '/run/a mount'`);
        const hidden = await run(`udrv bind ${DISK} vfio-pci`);
        expect(hidden).toMatchObject({ code: 5 });
        expect(hidden.stderr).toContain(`${disk} is mounted on /run/a mount`);
        elsewhere.kill('SIGKILL');
        await elsewhere.exit;
      } finally {
        await run(`umount '/run/a mount'`);
      }
      expect(await run(`udrv bind ${DISK} vfio-pci`)).toMatchObject(done);
      expect(await run(`udrv restore ${DISK}`)).toMatchObject(done);
      await untilExists(lab(), `/sys/class/block/${disk}`);
    });

    test('swap space is refused', async () => {
      await run(`mkswap /dev/${disk} && swapon /dev/${disk}`);
      try {
        expect(await run(`udrv unbind ${DISK}`)).toMatchObject({
          stderr: `udrv: ${DISK}: refused: ${disk} is used as swap space\nhint: swapoff /dev/${disk}; or --force does it anyway\n`,
          code: 5,
        });
      } finally {
        await run(`swapoff /dev/${disk}`);
      }
    });

    if (kernel === 'stock')
      test('what is built upon a disk is followed up to where it is mounted', async () => {
        const sectors = (await run(`cat /sys/class/block/${disk}/size`)).stdout.trim();
        await run('modprobe dm_mod');
        await run(`dmsetup create --noudevsync vault --table '0 ${sectors} linear /dev/${disk} 0'; dmsetup mknodes`);
        try {
          expect((await run(`udrv bind ${DISK} vfio-pci`)).stderr).toMatch(
            new RegExp(`refused: ${disk} belongs to dm-0 \\(vault\\)\n`),
          );
          await run('mkfs.ext2 -q /dev/mapper/vault; mkdir -p /run/vault; mount /dev/mapper/vault /run/vault');
          expect((await run(`udrv bind ${DISK} vfio-pci`)).stderr).toMatch(
            new RegExp(`refused: ${disk} belongs to dm-0 \\(vault\\), which is mounted on /run/vault\nhint: umount `),
          );
        } finally {
          await run('umount /run/vault; dmsetup remove --noudevsync vault');
        }
      });

    test('a disk that a process has open is refused', async () => {
      const holder = lab().spawn(`exec 7</dev/${disk}; echo ready; exec sleep 100`);
      await holder.waitFor(/ready/);
      const { stderr, code } = await run(`udrv unbind ${DISK}`);
      holder.kill('SIGKILL');
      await holder.exit;
      expect({ code, stderr: stderr.replace(/\d{2,}/g, 'PID') }).toEqual({
        code: 5,
        stderr: expect.stringMatching(
          /: refused: \/dev\/nvme\dn1 is open in sleep \(pid PID\)\nhint: .* kill PID; or /,
        ),
      });
    });

    test('a network interface that is up is refused', async () => {
      const name = (await run(`ls ${sysfs(NIC)}/net`)).stdout.trim();
      await run(`ip link set ${name} up`);
      expect(await run(`udrv bind ${name} vfio-pci`)).toMatchObject({
        stderr: `udrv: ${NIC}: refused: the network interface ${name} is up\nhint: ip link set ${name} down; or --force does it anyway\n`,
        code: 5,
      });
      await run(`ip link set ${name} down`);
      expect(await run(`udrv bind ${name} vfio-pci`)).toMatchObject(done);
      expect(await run(`udrv restore ${NIC}`)).toMatchObject(done);
      expect(await bindingOf(NIC)).toBe('e1000e (null)');
    });

    test('a device that a program drives is busy, whatever is forced', async () => {
      const holder = lab().spawn('exec 7<>/dev/uio0; echo ready; exec sleep 100');
      await holder.waitFor(/ready/);
      const { stderr, code } = await run(`udrv bind ${EDU} vfio-pci --force`);
      expect(code).toBe(5);
      expect(stderr).toMatch(/: in use: \/dev\/uio0 is open in sleep \(pid \d+\) \(EBUSY\)\nhint: .*kill \d+\n$/);
      holder.kill('SIGKILL');
      await holder.exit;
      expect(await bindingOf(EDU)).toBe('uio_pci_generic uio_pci_generic');
    });

    test('so is one whose VFIO group is open', async () => {
      const group = (await run(`basename $(readlink ${sysfs('0000:00:03.0')}/iommu_group)`)).stdout.trim();
      const holder = lab().spawn(`exec 7<>/dev/vfio/${group}; echo ready; exec sleep 100`);
      await holder.waitFor(/ready/);
      const { stderr, code } = await run('udrv unbind 0000:00:03.0 --force');
      holder.kill('SIGKILL');
      await holder.exit;
      expect(code).toBe(5);
      expect(stderr).toMatch(new RegExp(`: in use: /dev/vfio/${group} is open in sleep \\(pid \\d+\\) \\(EBUSY\\)`));
      expect(await bindingOf('0000:00:03.0')).toBe('vfio-pci vfio-pci');
    });

    test('a step that fails is taken back, for all devices', async () => {
      const { stderr, code, stdout } = await run(`udrv bind ${NVME} 0000:00:09.0 vfio-pci --force`);
      expect({ code, stdout }).toEqual({ code: 9, stdout: '' });
      expect(stderr).toMatch(/^udrv: 0000:00:09\.0: vfio-pci did not take the device: it is a bridge.*\nhint: .*dmesg/);
      expect(await bindingOf(NVME)).toBe('nvme (null)');
      expect(await bindingOf('0000:00:09.0')).toBe('(null)');
      expect((await run(`ls /run/udrv/bind | grep -e ${NVME} -e 00:09.0`)).stdout).toBe('');
      await run(`until ls ${sysfs(NVME)}/nvme/*/ | grep -qx 'nvme[0-9]*n1'; do sleep 0.1; done`);
    });

    describe('a platform device', () => {
      // The timer that ACPI describes has no driver. That of alarms has no probe, and takes whatever it is given.
      const TIMER = 'PNP0103:00';
      const dir = `/sys/bus/platform/devices/${TIMER}`;
      const state = () => bindingIn(dir);

      test('is listed, bound, taken away and given back', async () => {
        const listed = JSON.parse((await run(`udrv --json list --type platform ${TIMER}`)).stdout);
        expect(listed.devices).toMatchObject([
          {
            address: TIMER,
            framework: 'platform',
            driver: null,
            platform: { bus: 'platform', driverOverride: null, modalias: 'acpi:PNP0103:', iommuGroup: null },
          },
        ]);
        expect(await run(`udrv bind ${TIMER} alarmtimer`)).toMatchObject({
          stdout: `${TIMER}: alarmtimer, had none\n`,
          ...done,
        });
        expect(await state()).toBe('alarmtimer alarmtimer');
        expect((await run(`udrv unbind ${TIMER}`)).stdout).toBe(`${TIMER}: no driver, was alarmtimer\n`);
        expect(await state()).toBe('alarmtimer');
        expect((await run(`udrv bind ${TIMER} alarmtimer`)).code).toBe(0);
        expect((await run('ls /run/udrv/bind')).stdout).toContain(TIMER);
        expect(await run(`udrv restore ${TIMER}`)).toMatchObject({
          stdout: `${TIMER}: no driver, was alarmtimer\n`,
          ...done,
        });
        expect(await state()).toBe('(null)');
        expect((await run('ls /run/udrv/bind')).stdout).not.toContain(TIMER);
      });

      if (kernel !== 'stock') {
        test('goes to UIO, where its registers are read', async () => {
          const bound = await run(`udrv bind ${TIMER} uio_pdrv_genirq`);
          expect(bound).toMatchObject(done);
          const name = new RegExp(`^${TIMER}: uio_pdrv_genirq, had none; /dev/(uio\\d+)\n$`).exec(bound.stdout)?.[1];
          // The vendor is Intel's, as the specification of the timer has it (General Capabilities and ID).
          expect((await run(`udrv uio read ${name} map0 0`)).stdout).toMatch(/^0x8086a[0-9a-f]{3}\n$/);
          expect((await run(`udrv show ${name}`)).stdout).toContain(`${TIMER} (platform)`);
          expect(await run(`udrv restore ${name}`)).toMatchObject({
            stdout: `${TIMER}: no driver, was uio_pdrv_genirq\n`,
            ...done,
          });
        });

        test('that the driver refuses keeps the one it had', async () => {
          const driver = 'basename "$(readlink /sys/bus/platform/devices/i8042/driver)"';
          const { stdout, stderr, code } = await run('udrv bind i8042 uio_pdrv_genirq');
          expect({ stdout, stderr, code }).toEqual({
            stdout: '',
            stderr:
              'udrv: i8042: uio_pdrv_genirq did not take the device: the firmware describes it nowhere (EINVAL)\nhint: uio_pdrv_genirq takes such a device only where board code of the kernel gives it the data; a PCI function can have uio_pci_generic or vfio-pci\n',
            code: 9,
          });
          expect((await run(driver)).stdout).toBe('i8042\n');
          expect((await run('cat /sys/bus/platform/devices/i8042/driver_override')).stdout).toBe('(null)\n');
          expect((await run('ls /run/udrv/bind')).stdout).not.toContain('i8042');
        });
      }

      test('has the drivers of its bus alone', async () => {
        const { stderr, code } = await run(`udrv bind ${TIMER} vfio-pci`);
        expect(code).toBe(9);
        expect(stderr).toMatch(/^udrv: vfio-pci: is a driver of PCI functions, and this is a platform device\nhint: /);
        // The kernels for x86 have none.
        expect(await run(`udrv bind ${TIMER} vfio-platform`)).toMatchObject({
          stderr:
            'udrv: vfio-platform: no driver of the bus platform of this name is loaded\nhint: load it: modprobe vfio-platform\n',
          code: 9,
        });
      });
    });

    test('the function that has the root file system is refused, as the host shares it', async () => {
      for (const command of ['unbind 0000:00:05.0 -n', 'bind 0000:00:05.0 vfio-pci'])
        expect(await run(`udrv ${command}`)).toMatchObject({
          stdout: '',
          stderr:
            'udrv: 0000:00:05.0: refused: the 9p share host is mounted on /\nhint: the root file system is on it, which cannot be given away while the system runs from it\n',
          code: 5,
        });
    });

    test.each([
      ['0000:00:03.0 nosuch', 9, /^udrv: nosuch: .*\nhint: load it: modprobe nosuch\n$/],
      ['0000:00:1e.0 vfio-pci', 3, /^udrv: 0000:00:1e\.0: no such device/],
      ['1-4 vfio-pci', 3, /^udrv: 1-4: is no PCI function/],
      ['vfio-pci 0000:00:03.0', 2, /^udrv: 0000:00:03\.0: is a device: name the driver last\n/],
      ['0000:00:09.0 vfio-pci', 5, /^udrv: 0000:00:09\.0: refused: it is a bridge\n/],
    ])('udrv bind %s', async (request, exit, message) => {
      const { stdout, stderr, code } = await run(`udrv bind ${request}`);
      expect({ stdout, code }).toEqual({ stdout: '', code: exit });
      expect(stderr).toMatch(message);
    });

    test('an ordinary user may look at the plan, and is told what is missing', async () => {
      const dry = await run(`udrv bind ${NVME} vfio-pci -n`, { user: true });
      expect(dry).toMatchObject({ code: 0 });
      expect(dry.stdout).toContain('driver_override');
      for (const command of [`bind ${NVME} vfio-pci`, `unbind ${NVME}`]) {
        const { stderr, code } = await run(`udrv ${command}`, { user: true });
        expect(code).toBe(4);
        expect(stderr).toMatch(/driver_override: permission denied \(EACCES\)\nhint: .*sudo/);
      }
      expect((await run('udrv bind 0000:00:03.0 vfio-pci', { user: true })).code).toBe(0);
      expect(await bindingOf(NVME)).toBe('nvme (null)');
    });

    test('what others may write is not believed, and nothing is kept there', async () => {
      await run(`udrv bind ${NVME} vfio-pci`);
      await run(`echo '{"id":"1b36:0010","driver":"../x","override":null,"made":null}' > /run/udrv/bind/${NVME}`);
      expect((await run(`udrv restore ${NVME} -n`)).stderr).toContain('no earlier binding is recorded');
      await run(`udrv restore ${NVME}`);
      await run('chmod o+w /run/udrv');
      const { stderr, code } = await run(`udrv bind ${NVME} vfio-pci`);
      await run('chmod o-w /run/udrv');
      expect(code).toBe(4);
      expect(stderr).toMatch(/cannot be saved: .*\nhint: .*ls -ld/);
      expect(await bindingOf(NVME)).toBe('nvme (null)');
    });

    test('several at once: one works, the others are told so, and nothing is left behind', async () => {
      const commands = Array.from({ length: 4 }, () => run(`udrv bind ${EDU} vfio-pci`));
      const codes = (await Promise.all(commands)).map(({ code }) => code);
      expect(codes).toContain(0);
      expect(codes.filter((code) => code !== 0 && code !== 5)).toEqual([]);
      expect(await bindingOf(EDU)).toBe('vfio-pci vfio-pci');
      await run(`udrv restore ${EDU}`);
      expect(await bindingOf(EDU)).toBe('uio_pci_generic uio_pci_generic');
      // One that was killed inside has left its lock.
      await run('echo 999999 123 > /run/udrv/bind/lock');
      expect(await run(`udrv bind ${EDU} uio_pci_generic`)).toMatchObject({ code: 0 });
      expect(await run(`udrv restore ${EDU}`)).toMatchObject({ code: 0 });
      expect((await run(`ls /run/udrv/bind | grep -e ${EDU}`)).stdout).toBe('');
    });
  },
  { qemuArgs },
);
