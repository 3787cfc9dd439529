import { plant, scratch } from './tree';
import { cliFails, cliPasses, text, udrv } from './udrv';

const PF = '0000:31:00.0';
const functionAt = (address: string, driver: string, group: number) => ({
  [`sys/bus/pci/devices/${address}/vendor`]: '0x8086\n',
  [`sys/bus/pci/devices/${address}/device`]: '0x1592\n',
  [`sys/bus/pci/devices/${address}/class`]: '0x020000\n',
  [`sys/bus/pci/devices/${address}/driver`]: { link: `../../../drivers/${driver}` },
  [`sys/bus/pci/devices/${address}/iommu_group`]: { link: `../../../kernel/iommu_groups/${group}` },
  [`sys/kernel/iommu_groups/${group}/devices/${address}`]: { link: `../../../../bus/pci/devices/${address}` },
});

const tree = plant(scratch(), {
  ...functionAt(PF, 'ice', 60),
  ...functionAt('0000:31:01.0', 'vfio-pci', 61),
  ...functionAt('0000:31:01.1', 'iavf', 62),
  [`sys/bus/pci/devices/${PF}/sriov_totalvfs`]: '8\n',
  [`sys/bus/pci/devices/${PF}/sriov_numvfs`]: '2\n',
  [`sys/bus/pci/devices/${PF}/sriov_drivers_autoprobe`]: '1\n',
  [`sys/bus/pci/devices/${PF}/virtfn0`]: { link: '../0000:31:01.0' },
  [`sys/bus/pci/devices/${PF}/virtfn1`]: { link: '../0000:31:01.1' },
  'sys/bus/pci/devices/0000:31:01.0/physfn': { link: `../${PF}` },
  'sys/bus/pci/devices/0000:31:01.1/physfn': { link: `../${PF}` },
  'dev/vfio/61': '',
  'proc/self/mountinfo': '',
  'proc/swaps': '',
});

cliPasses([
  [
    `--sysroot ${tree} vfio vf`,
    text`
      0000:31:00.0: 2 of 8 virtual functions
      0000:31:01.0: vfio-pci; /dev/vfio/61
      0000:31:01.1: iavf
    `,
  ],
  [`--sysroot ${tree} vfio vf 31:00.0`, /^0000:31:00\.0: 2 of 8 virtual functions\n/],
  [
    `--sysroot ${tree} -n vfio vf 31:00.0 4 --no-probe`,
    text`
      echo 0 > /sys/bus/pci/devices/0000:31:00.0/sriov_numvfs
      echo 0 > /sys/bus/pci/devices/0000:31:00.0/sriov_drivers_autoprobe
      echo 4 > /sys/bus/pci/devices/0000:31:00.0/sriov_numvfs
      echo 1 > /sys/bus/pci/devices/0000:31:00.0/sriov_drivers_autoprobe
    `,
  ],
  [
    `--sysroot ${tree} list --type pci --no-headings -o address,use`,
    text`
      0000:31:00.0  2 VFs
      0000:31:01.0  VF of 0000:31:00.0
      0000:31:01.1  VF of 0000:31:00.0
    `,
  ],
  [`--sysroot ${tree} show 31:00.0`, /^ {2}virtual functions +2 of 8: 0000:31:01\.0, 0000:31:01\.1$/m],
  [`--sysroot ${tree} show 31:01.1`, /^ {2}virtual function +of 0000:31:00\.0$/m],
]);

cliFails(2, [
  [`--sysroot ${tree} -n vfio vf 31:00.0 9`, `${PF}: can have 8 virtual functions at most, not 9 (ERANGE)`],
  [`--sysroot ${tree} -n vfio vf 31:00.0 x`, /^udrv: x: is not a count/],
  ['--sim vfio info 0000:00:03.0 --vf-token x', '--vf-token: takes a UUID, as uuidgen makes them, or auto'],
]);

cliFails(9, [
  [`--sysroot ${tree} -n vfio vf 31:01.0 1`, /^udrv: 0000:31:01\.0: is a virtual function itself, of 0000:31:00\.0/],
  ['--sim vfio vf nvme0n1 2', '0000:01:00.0: has no SR-IOV: it is no physical function (EOPNOTSUPP)'],
  [
    '--sim vfio info 0000:00:03.0 --vf-token 11111111-2222-3333-4444-555555555555',
    '0000:00:03.0: takes no VF token: it has no virtual functions, and is none (EINVAL)',
    'leave --vf-token out, or give --vf-token auto',
  ],
]);

test.concurrent('the physical functions and their virtual ones as JSON', async () => {
  const { stdout } = await udrv(`--sysroot ${tree} --json vfio vf`);
  const { schema, devices } = JSON.parse(stdout);
  expect(schema).toBe('udrv.list/1');
  expect(devices).toMatchObject([
    { address: PF, pci: { sriov: { totalVfs: 8, virtualFunctions: ['0000:31:01.0', '0000:31:01.1'] } } },
    { address: '0000:31:01.0', framework: 'vfio', pci: { sriov: { physicalFunction: PF } } },
    { address: '0000:31:01.1', framework: 'pci', pci: { sriov: { physicalFunction: PF } } },
  ]);
});

test.concurrent('auto gives a token where one is asked for, and nothing elsewhere', async () => {
  const { stderr, exit } = await udrv('--sim vfio read 0000:00:03.0 bar0 0 --vf-token auto');
  expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
});
