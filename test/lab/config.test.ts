import { describeInLab } from './jest';

interface Decoded {
  address: string;
  size: number;
  notes: string[];
  capabilities: { offset: number; name: string }[];
  extendedCapabilities: { offset: number; name: string; version: number }[];
}

describeInLab('udrv vfio config on a real kernel', (lab) => {
  const run = (command: string, options = {}) => lab().run(command, { timeoutMs: 120_000, ...options });

  test('lists the capabilities that lspci lists, for every function of the machine', async () => {
    // lspci writes the file and decodes it too: the functions answer once for both.
    const { stdout: theirs } = await run('lspci -D -vv -xxxx 2>/dev/null | tee /run/dump');
    const listed = theirs.split('\n\n').flatMap((block) => {
      const address = /^[0-9a-f:.]+/.exec(block)?.[0];
      const heads = Array.from(block.matchAll(/^\tCapabilities: (\[[^\]]*\])/gm), (match) => match[1]);
      return address === undefined ? [] : [[address, heads]];
    });
    const { stdout, stderr, code } = await run('udrv --json vfio config --file /run/dump');
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    const devices: Decoded[] = JSON.parse(stdout).devices;
    const hex = (offset: number, digits: number) => offset.toString(16).padStart(digits, '0');
    expect(
      devices.map(({ address, capabilities, extendedCapabilities }) => [
        address,
        [
          ...capabilities.map(({ offset }) => `[${hex(offset, 2)}]`),
          ...extendedCapabilities.map(({ offset, version }) => `[${hex(offset, 3)} v${version}]`),
        ],
      ]),
    ).toEqual(listed);
    expect(devices.length).toBeGreaterThan(10);
    expect(devices.flatMap(({ notes }) => notes)).toEqual([]);
  });

  test.each(['0000:00:03.0', '0000:00:08.0', '0000:01:00.0'])('reads of %s what lspci reads', async (address) => {
    const { stdout } = await run(`udrv vfio config --raw ${address} | tail -n +2`);
    expect(stdout).not.toBe('');
    expect(stdout).toBe((await run(`lspci -xxxx -s ${address} 2>/dev/null | tail -n +2 | grep .`)).stdout);
  });

  test('decodes a drive behind a root port, by the name of its block device', async () => {
    const drive: Decoded = JSON.parse((await run('udrv --json vfio config nvme0n1')).stdout);
    expect(drive).toMatchObject({ address: '0000:01:00.0', source: 'sysfs', size: 4096, notes: [] });
    expect(drive.capabilities.map(({ name }) => name)).toEqual(['MSI-X', 'PCI Express', 'Power Management']);
  });

  test('says to an ordinary user that there is more', async () => {
    const { stdout, code } = await run('udrv --json vfio config 0000:01:00.0', { user: true });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      size: 64,
      header: { vendorId: '1b36' },
      capabilities: [],
      notes: ['truncated: run as root to read more than the header', expect.anything()],
    });
  });

  test('a function that is not there is exit 3', async () => {
    expect((await run('udrv vfio config 0000:00:1e.0')).code).toBe(3);
  });
});
