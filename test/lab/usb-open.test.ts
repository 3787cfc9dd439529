import type { DescriptorJson } from '../../src/usb/decode/json';
import type { UsbDocument } from '../../src/usb/inspect/describe';
import { describeInLab } from './jest';
import { type LsusbDescriptor, parseLsusb } from './lsusb';

// The answers of the lab's devices, against those that lsusb gets from them.

const DEVICES = ['usb1', 'usb2', 'usb3', '1-3', '1-3.1', '1-3.2', '1-4', '1-5', '1-7', '3-1'];

/** lsusb's names of a hub's fields, and the specification's. */
const HUB_FIELDS: readonly (readonly [theirs: string, ours: string])[] = [
  ['bLength', 'bDescLength'],
  ['bDescriptorType', 'bDescriptorType'],
  ['nNbrPorts', 'bNbrPorts'],
  ['wHubCharacteristic', 'wHubCharacteristics'],
  ['bPwrOn2PwrGood', 'bPwrOn2PwrGood'],
  ['bHubContrCurrent', 'bHubContrCurrent'],
];

describeInLab('what USB devices tell when they are asked', (lab) => {
  let verbose: Promise<{ text: string; devices: Map<string, LsusbDescriptor[]> }> | undefined;
  const lsusb = () => {
    verbose ??= lab()
      .run('lsusb -v 2>/dev/null')
      .then(({ stdout: text }) => ({ text, devices: parseLsusb(text) }));
    return verbose;
  };
  const shown = async (device: string) => {
    const { stdout, stderr, code } = await lab().run(`udrv usb show --json --open ${device}`);
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    return JSON.parse(stdout) as UsbDocument;
  };

  test.each(DEVICES)(
    '%s: qualifier, status, hub and its ports, BOS and strings are what lsusb gets',
    async (device) => {
      const document = await shown(device);
      const { bus, device: number } = document.usb;
      const { text, devices } = await lsusb();
      const theirs = devices.get(`${bus}/${number}`) ?? [];
      const block =
        text.split(/^(?=Bus )/m).find((part) => part.startsWith(`Bus ${pad(bus)} Device ${pad(number)}`)) ?? '';
      const opened = document.opened?.descriptors ?? [];
      const one = (id: RegExp) => opened.find(({ descriptor }) => id.test(descriptor));

      const qualifier = theirs.find(({ title }) => title.startsWith('Device Qualifier'));
      expect(one(/^deviceQualifier$/)).toEqual(
        qualifier === undefined ? undefined : expect.objectContaining(valuesOf(qualifier)),
      );

      const hub = theirs.find(({ title }) => title === 'Hub');
      expect(one(/hub$/i) !== undefined).toBe(hub !== undefined);
      if (hub !== undefined) {
        const fields = valuesOf(hub);
        for (const [theirName, ourName] of HUB_FIELDS)
          expect([ourName, one(/hub$/i)?.[ourName]]).toEqual([ourName, fields[theirName]]);
        const ports = Array.from(
          block.matchAll(/^ +Port (\d+): ([0-9a-f]{4})\.([0-9a-f]{4})/gm),
          ([, port, change = '', status = '']) => [
            Number(port),
            Number.parseInt(status, 16),
            Number.parseInt(change, 16),
          ],
        );
        expect(ports.length).toBeGreaterThan(0);
        expect(
          one(/hub$/i)?.children?.map(({ port, wPortStatus, wPortChange }) => [port, wPortStatus, wPortChange]),
        ).toEqual(ports);
      }

      expect(one(/^deviceStatus$/)?.['wStatus']).toBe(
        Number.parseInt(/^Device Status: +0x(\w+)/m.exec(block)?.[1] ?? '', 16),
      );
      expect(document.bos !== null).toBe(/Binary Object Store/.test(block));

      // Every string that lsusb shows is ours, but where it read a feature unit as a selector unit.
      const strings = theirs
        .flatMap(({ fields }) => fields)
        .filter(
          ({ name, value, means }) => /^i[A-Z]/.test(name) && name !== 'iSelector' && value !== 0 && means !== '',
        );
      const known = new Map(document.opened?.strings.map(({ index, text: string }) => [index, string]));
      expect(strings.length).toBeGreaterThan(0);
      for (const { value, means } of strings) expect([value, known.get(value)]).toEqual([value, means]);
    },
  );

  test('strings that sysfs has not stand beside their indices', async () => {
    const { descriptors } = await shown('3-1');
    expect(descriptors[2]?.children?.[0]?.means?.['iInterface']).toBe('loop input to output');
  });

  test('beyond lsusb: the configuration of the other speed', async () => {
    const found = (await shown('3-1')).opened?.descriptors.find(
      ({ descriptor }) => descriptor === 'otherSpeedConfiguration',
    );
    const endpoints = (found?.children?.[0] as DescriptorJson | undefined)?.children ?? [];
    expect(endpoints.map(({ wMaxPacketSize }) => wMaxPacketSize)).toEqual([64, 64]);
  });

  test('what a device does not answer is noted, and is no failure', async () => {
    const { stdout, code } = await lab().run('udrv usb show --open 3-1');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Not answered\n {2}debug descriptor: the device has none \(stall\)$/m);
  });

  test('an ordinary user may not open it, and is told so', async () => {
    const { stdout, stderr, code } = await lab().run('udrv usb show --open 1-3.1', { user: true });
    expect({ stdout, code }).toEqual({ stdout: '', code: 4 });
    expect(stderr).toMatch(/EACCES/);
  });

  test('no driver loses its interface', async () => {
    const drivers = 'for i in /sys/bus/usb/devices/*:*; do basename $i; readlink $i/driver; done';
    const before = (await lab().run(drivers)).stdout;
    for (const device of ['1-4', '1-3', '1-3.1']) await shown(device);
    expect((await lab().run(drivers)).stdout).toBe(before);
  });
});

function valuesOf({ fields }: LsusbDescriptor): Record<string, number> {
  return Object.fromEntries(fields.map(({ name, value }) => [name, value]));
}

function pad(value: number): string {
  return String(value).padStart(3, '0');
}
