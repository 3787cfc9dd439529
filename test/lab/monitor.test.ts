import { describeInLab } from './jest';
import type { GuestProcess } from './lab';

interface Event {
  time: string;
  action: string;
  address: string;
  interface: string | null;
  driver: string | null;
  [field: string]: unknown;
}

/** An event in short: `bind 1-6:1.0 usbhid`. */
const inShort = (event: Event) => `${event.action} ${event.interface ?? event.address} ${event.driver ?? '-'}`;

describeInLab('udrv monitor', (lab, kernel) => {
  const run = async (command: string) => {
    expect(await lab().run(command)).toMatchObject({ code: 0, stderr: '' });
  };
  const eventsOf = (monitor: GuestProcess): Event[] =>
    monitor.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  /** Starts it, and waits until it knows what is there. */
  const monitoring = async (options: string, { user = false, prefix = '' } = {}) => {
    const monitor = lab().spawn(`exec ${prefix} udrv --json -v monitor ${options}`, { user });
    await monitor.waitFor(/watching \d+ devices/, 30_000);
    return monitor;
  };
  const told = (monitor: GuestProcess, pattern: RegExp) => monitor.waitFor(pattern, 100_000);
  const ended = async (monitor: GuestProcess) => {
    monitor.kill('SIGINT');
    expect(await monitor.exit).toEqual({ code: 130, signal: null });
  };
  const plug = () => lab().qmp('device_add', { driver: 'usb-kbd', id: 'plugged', bus: 'xhci.0', port: '6' });
  const unplug = () => lab().qmp('device_del', { id: 'plugged' });
  const keyboard = { framework: 'usb', address: '1-6', vendorId: '0627', deviceId: '0001', name: 'QEMU USB Keyboard' };

  test.each([{ user: false }, { user: true }])('a keyboard that comes and goes: %j', async ({ user }) => {
    const monitor = await monitoring('--type usb', { user });
    await plug();
    await told(monitor, /"bind"/);
    await unplug();
    await told(monitor, /"remove"/);
    await ended(monitor);
    const events = eventsOf(monitor);
    expect(events.map(inShort)).toEqual(['add 1-6 -', 'bind 1-6:1.0 usbhid', 'unbind 1-6:1.0 usbhid', 'remove 1-6 -']);
    const [{ node } = { node: null }] = events;
    expect(node).toMatch(/^\/dev\/bus\/usb\/001\/\d{3}$/);
    for (const event of events) {
      expect(event).toMatchObject({ ...keyboard, node, access: user ? 'none' : 'rw' });
      expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    }
  });

  test('plugged in again before anybody looked: two devices, each with its own node', async () => {
    const monitor = await monitoring('--type usb');
    await plug();
    await told(monitor, /"bind"/);
    monitor.kill('SIGSTOP');
    await unplug();
    await run('while [ -e /sys/bus/usb/devices/1-6 ]; do sleep 0.05; done');
    await plug();
    await run('until [ -e /sys/bus/usb/devices/1-6:1.0/driver ]; do sleep 0.05; done');
    await unplug();
    await run('while [ -e /sys/bus/usb/devices/1-6 ]; do sleep 0.05; done');
    monitor.kill('SIGCONT');
    await told(monitor, /"remove".*\n(?:.*\n)*.*"remove"/);
    await ended(monitor);
    const events = eventsOf(monitor);
    const one = ['add 1-6 -', 'bind 1-6:1.0 usbhid', 'unbind 1-6:1.0 usbhid', 'remove 1-6 -'];
    expect(events.map(inShort)).toEqual([...one, ...one]);
    expect(new Set(events.slice(0, 4).map(({ node }) => node)).size).toBe(1);
    expect(new Set(events.slice(4).map(({ node }) => node)).size).toBe(1);
    expect(events[4]?.['node']).not.toBe(events[3]?.['node']);
    for (const event of events) expect(event).toMatchObject({ vendorId: '0627', deviceId: '0001' });
  });

  test('drivers leave and take devices, by sysfs', async () => {
    const monitor = await monitoring('');
    for (const [device, driver] of [
      ['1-4:1.0', '/sys/bus/usb/drivers/usb-storage'],
      ['0000:00:04.0', '/sys/bus/pci/drivers/uio_pci_generic'],
      ['0000:00:03.0', '/sys/bus/pci/drivers/vfio-pci'],
    ])
      await run(`echo ${device} > ${driver}/unbind; echo ${device} > ${driver}/bind`);
    await told(monitor, /"bind","framework":"vfio"/);
    await ended(monitor);
    const events = eventsOf(monitor);
    expect(events.map(inShort)).toEqual([
      'unbind 1-4:1.0 usb-storage',
      'bind 1-4:1.0 usb-storage',
      'remove uio0 uio_pci_generic',
      'unbind 0000:00:04.0 uio_pci_generic',
      'add uio0 uio_pci_generic',
      'bind 0000:00:04.0 uio_pci_generic',
      'unbind 0000:00:03.0 vfio-pci',
      'bind 0000:00:03.0 vfio-pci',
    ]);
    for (const event of events.slice(6))
      expect(event).toMatchObject({
        framework: 'vfio',
        vendorId: '1234',
        deviceId: '11e8',
        node: kernel !== 'stock' ? '/dev/vfio/devices/vfio0' : expect.stringMatching(/^\/dev\/vfio\/\d+$/),
        access: 'rw',
      });
  });

  test('a PCI function goes and is found again; --type tells of nothing else', async () => {
    const [pci, vfio, usb] = [
      await monitoring('--type pci --count 3'),
      await monitoring('--type vfio --count 1'),
      await monitoring('--type usb --timeout 20s'),
    ];
    await run('echo 1 > /sys/bus/pci/devices/0000:02:01.0/remove; echo 1 > /sys/bus/pci/rescan');
    expect([await pci.exit, await vfio.exit]).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
    await ended(usb);
    expect(eventsOf(pci).map(inShort)).toEqual([
      'unbind 0000:02:01.0 vfio-pci',
      'remove 0000:02:01.0 -',
      'add 0000:02:01.0 -',
    ]);
    expect(eventsOf(vfio).map(inShort)).toEqual(['unbind 0000:02:01.0 vfio-pci']);
    expect(eventsOf(usb)).toEqual([]);
    await run('echo vfio-pci > /sys/bus/pci/devices/0000:02:01.0/driver_override');
    await run('echo 0000:02:01.0 > /sys/bus/pci/drivers_probe');
  });

  test('more than the kernel keeps for it: what it is like in the end is told all the same', async () => {
    const monitor = await monitoring('');
    monitor.kill('SIGSTOP');
    const cycle = 'echo 0000:00:04.0 > unbind; echo 0000:00:04.0 > bind';
    // Linux 7.3 keeps up to 4 MiB (net.core.rmem_max), those before a twentieth of that.
    const cycles = kernel === 'newer' ? 1200 : 400;
    await run(`cd /sys/bus/pci/drivers/uio_pci_generic; for i in $(seq ${cycles}); do ${cycle}; done`);
    await run('echo 1-4:1.0 > /sys/bus/usb/drivers/usb-storage/unbind');
    monitor.kill('SIGCONT');
    await told(monitor, /"1-4:1.0"/);
    await ended(monitor);
    const events = eventsOf(monitor);
    expect(events.at(-1)).toMatchObject({ action: 'unbind', interface: '1-4:1.0', driver: 'usb-storage' });
    // Some were lost; those that were not make sense one after the other.
    const uio = events.filter(({ address }) => address === 'uio0').map(({ action }) => action);
    expect(uio.length).toBeGreaterThan(20);
    expect(uio.length).toBeLessThan(2 * cycles);
    for (const [i, action] of uio.entries()) expect(action).toBe(i % 2 === 0 ? 'remove' : 'add');
    expect(uio.at(-1)).toBe('add');
    await run('echo 1-4:1.0 > /sys/bus/usb/drivers/usb-storage/bind');
  });

  test('a node that is opened to users only later, as udev does it', async () => {
    await run('mkdir -p /run/udev/data; touch /run/udev/control');
    const monitor = await monitoring('--type uio --count 2', { user: true });
    const driver = '/sys/bus/pci/drivers/uio_pci_generic';
    // Each program once before: its first start reads it from the host, and the monitor's patience is short.
    await run(
      `chmod 600 /dev/uio0; sleep 0; echo 0000:00:04.0 > ${driver}/unbind; echo 0000:00:04.0 > ${driver}/bind; sleep 0.1; chmod 666 /dev/uio0`,
    );
    expect(await monitor.exit).toEqual({ code: 0, signal: null });
    expect(eventsOf(monitor)[1]).toMatchObject({ action: 'add', address: 'uio0', node: '/dev/uio0', access: 'rw' });
    await run('rm -r /run/udev; chmod 600 /dev/uio0');
  });

  test('a timeout is exit 6, a reader that goes away ends it quietly', async () => {
    expect(await lab().run('udrv monitor -q --timeout 300ms')).toMatchObject({
      code: 6,
      stdout: '',
      stderr: 'udrv: monitor: no event within 300 ms (ETIMEDOUT)\n',
    });
    const monitor = lab().spawn(`set -o pipefail; udrv monitor --json -v --type uio | head -n 1; echo "$?"`);
    await monitor.waitFor(/watching/, 30_000);
    const driver = '/sys/bus/pci/drivers/uio_pci_generic';
    await run(`echo 0000:00:04.0 > ${driver}/unbind; echo 0000:00:04.0 > ${driver}/bind`);
    await told(monitor, /\n0\n$/);
    expect(monitor.stdout).toMatch(/^\{.*"remove".*\}\n0\n$/);
  });

  test('text for people: a heading at once, then a line each', async () => {
    const monitor = lab().spawn('exec udrv monitor --type usb --count 2');
    await told(monitor, /NAME/);
    await plug();
    expect(await monitor.exit).toEqual({ code: 0, signal: null });
    await unplug();
    expect(monitor.stdout.replace(/\d\d:\d\d:\d\d\.\d{3}/g, 'CLOCK').replace(/001\/\d{3}/g, 'NODE')).toBe(
      [
        'TIME          ACTION  TYPE  ADDRESS       ID         DRIVER           NODE                  NAME',
        'CLOCK  add     usb   1-6           0627:0001  -                /dev/bus/usb/NODE  QEMU USB Keyboard',
        'CLOCK  bind    usb   1-6:1.0       0627:0001  usbhid           /dev/bus/usb/NODE  QEMU USB Keyboard',
        '',
      ].join('\n'),
    );
  });

  // Only Debian's kernel has the namespaces that containers are made of.
  if (kernel === 'stock')
    test('in a container that no message reaches, it looks', async () => {
      const monitor = await monitoring('--type usb', { prefix: 'unshare --user --net' });
      await plug();
      await told(monitor, /"add"/);
      await unplug();
      await told(monitor, /"remove"/);
      await ended(monitor);
      const events = eventsOf(monitor);
      expect(events[0]).toMatchObject({ ...keyboard, action: 'add' });
      expect(events.at(-1)).toMatchObject({ ...keyboard, action: 'remove' });
    });
});
