import { describeInLab } from './jest';

const PF = '0000:03:00.0';
const [VF1, VF2] = ['0000:03:00.1', '0000:03:00.2'];
const SYSFS = '/sys/bus/pci/devices';
const NUMVFS = `${SYSFS}/${PF}/sriov_numvfs`;
const ENABLE_SRIOV = '/sys/module/vfio_pci/parameters/enable_sriov';
const TOKEN = '11111111-2222-3333-4444-55555555555a';
const OTHER_TOKEN = '11111111-2222-3333-4444-55555555555b';

/** A command in the guest takes a second or more. */
const TEST_MS = 900_000;

/** QEMU's NVMe controller with two virtual functions, behind a root port of its own. */
const NVME_WITH_VFS = `
  -device nvme-subsys,id=subsystem
  -device pcie-root-port,id=rp1,addr=0b.0,chassis=2
  -device nvme,id=pf,bus=rp1,serial=UDRV0004,subsys=subsystem,sriov_max_vfs=2,sriov_vq_flexible=4,sriov_vi_flexible=2,max_ioqpairs=6,msix_qsize=7
`
  .trim()
  .split(/\s+/);

/** The Virtualization Management command: assign queues, assign interrupts, go online. */
const MANAGE = 0x1c;
const online = (controller: number) =>
  [
    [(controller << 16) | 0x008, 2],
    [(controller << 16) | 0x108, 1],
    [(controller << 16) | 0x009, 0],
  ]
    .map(([cdw10, cdw11]) => `node test/lab/nvme-admin.cjs /dev/$controller ${MANAGE} ${cdw10} ${cdw11}`)
    .join(' && ');

describeInLab(
  'SR-IOV on a real kernel',
  (lab, kernel) => {
    const run = (command: string) => lab().run(command, { timeoutMs: TEST_MS });
    const failing = async (command: string) => {
      const { stdout, stderr, code } = await run(command);
      return { stdout, stderr, code };
    };

    test(
      'virtual functions are made, shown, refused to change, and removed',
      async () => {
        expect((await run(`udrv -n vfio vf ${PF} 2`)).stdout).toBe(`echo 2 > ${NUMVFS}\n`);
        expect(await run(`udrv vfio vf ${PF} 2 --no-probe`)).toMatchObject({
          stdout: `${PF}: 2 of 2 virtual functions, had none\n${VF1}: no driver\n${VF2}: no driver\n`,
          code: 0,
        });
        expect((await run(`cat ${NUMVFS} ${SYSFS}/${PF}/sriov_drivers_autoprobe`)).stdout).toBe('2\n1\n');
        const { devices } = JSON.parse((await run('udrv --json list --type pci 1b36:0010')).stdout);
        const sriov = (address: string) =>
          devices.find((device: { address: string }) => device.address === address).pci.sriov;
        expect(sriov(PF)).toEqual({ physicalFunction: null, totalVfs: 2, virtualFunctions: [VF1, VF2] });
        expect(sriov(VF2)).toMatchObject({ physicalFunction: PF, virtualFunctions: [] });
        const { stdout } = await run(`udrv show ${PF} ${VF1}`);
        expect(stdout).toMatch(new RegExp(`^ {2}virtual functions +2 of 2: ${VF1}, ${VF2}$`, 'm'));
        expect(stdout).toMatch(new RegExp(`^ {2}virtual function +of ${PF}$`, 'm'));
        // The driver of the physical function stays, or its virtual ones would go.
        expect(await failing(`udrv bind ${PF} vfio-pci`)).toMatchObject({ code: 5, stdout: '' });
        expect((await run(`udrv -n vfio vf ${PF} 1`)).stdout).toBe(`echo 0 > ${NUMVFS}\necho 1 > ${NUMVFS}\n`);
        expect(await failing(`udrv vfio vf ${PF} 3`)).toMatchObject({
          code: 2,
          stderr: `udrv: ${PF}: can have 2 virtual functions at most, not 3 (ERANGE)\n`,
        });
        expect(await failing(`udrv vfio vf ${VF1} 1`)).toMatchObject({ code: 9 });
        // The kernel's own word on the way by 0.
        expect((await run(`echo 1 > ${NUMVFS}`)).stderr).toMatch(/busy/);
        expect((await run(`udrv vfio vf ${PF} 0`)).stdout).toBe(`${PF}: 0 of 2 virtual functions, had 2\n`);
        expect((await run(`cat ${NUMVFS}; ls ${SYSFS} | grep -c 0000:03:00`)).stdout).toBe('0\n1\n');
      },
      TEST_MS,
    );

    test(
      'one of a physical function that the kernel drives needs no token, and its DMA is isolated',
      async () => {
        try {
          await run(`udrv vfio vf ${PF} 2 --no-probe`);
          const path = `controller=$(basename ${SYSFS}/${PF}/nvme/nvme*)`;
          expect(await run(`${path}; ${online(1)}`)).toMatchObject({ code: 0 });
          expect(await run(`udrv bind ${VF1} vfio-pci`)).toMatchObject({ code: 0 });
          expect(await failing(`udrv vfio info ${VF1} --vf-token ${TOKEN}`)).toMatchObject({
            code: 9,
            stderr: expect.stringContaining(`${PF}, is not bound to a VFIO driver (driver: nvme)`),
          });
          const { stdout, code } = await run(`udrv --json vfio dma-test ${VF1} --vf-token auto`);
          expect(JSON.parse(stdout)).toMatchObject({ tier: 'nvme', deviceDma: true, isolated: true });
          expect(code).toBe(0);
          // A program has it open.
          const holder = lab().spawn(`exec udrv vfio watch-irq ${VF1} --irq msix --trace`);
          await holder.waitFor(/watch\(/, TEST_MS);
          expect(await failing(`udrv vfio vf ${PF} 0 --force`)).toMatchObject({
            code: 5,
            stderr: expect.stringMatching(/^udrv: 0000:03:00\.1: in use: .*\(pid \d+\).* \(EBUSY\)\n/),
          });
          holder.kill('SIGINT');
          await holder.exitWithin(60_000);
        } finally {
          await run(`udrv restore ${VF1}; udrv vfio vf ${PF} 0`);
        }
      },
      TEST_MS,
    );

    test(
      'one of a physical function that VFIO has opens with its token',
      async () => {
        try {
          expect(await run(`udrv bind ${PF} vfio-pci`)).toMatchObject({ code: 0 });
          expect(await failing(`echo N > ${ENABLE_SRIOV}; udrv vfio vf ${PF} 2`)).toMatchObject({
            code: 9,
            stderr: `udrv: ${PF}: vfio-pci makes virtual functions only where it is told to (ENOENT)\nhint: echo Y | tee ${ENABLE_SRIOV}\n`,
          });
          const group = (command: string) => `udrv ${command} --backend group`;
          // A program drives the physical function, with a token that it chose, and puts the virtual ones online.
          const driver = lab().spawn(`exec ${group(`run test/lab/nvme-pf.mjs ${PF} 1 2`)} --vf-token ${TOKEN}`);
          await driver.waitFor(/^ready$/m, TEST_MS);
          expect(await run(`echo Y > ${ENABLE_SRIOV}; udrv vfio vf ${PF} 2`)).toMatchObject({
            stdout: expect.stringContaining(`\n${VF1}: vfio-pci; /dev/vfio/`),
            stderr: expect.stringContaining('--vf-token'),
            code: 0,
          });
          await driver.waitFor(/^online$/m, TEST_MS);
          expect(await failing(group(`vfio info ${VF1}`))).toMatchObject({
            code: 4,
            stderr: expect.stringMatching(
              /^udrv: 0000:03:00\.1: opening it takes a VF token, .* 0000:03:00\.0 \(EACCES\)\nhint: --vf-token UUID /,
            ),
          });
          const wrong = await failing(group(`vfio info ${VF1} --vf-token ${OTHER_TOKEN}`));
          expect(wrong).toMatchObject({ code: 4, stdout: '' });
          expect(wrong.stderr).toContain('this VF token is not the one of its physical function');
          expect(wrong.stderr).not.toContain(OTHER_TOKEN);
          const { stdout, code } = await run(group(`--json vfio dma-test ${VF1} --vf-token ${TOKEN}`));
          expect(JSON.parse(stdout)).toMatchObject({
            backend: 'group',
            tier: 'nvme',
            deviceDma: true,
            isolated: true,
          });
          expect(code).toBe(0);
          // `auto` cannot know the token of another program.
          expect(await failing(group(`vfio info ${VF2} --vf-token auto`))).toMatchObject({
            code: 5,
            stderr: expect.stringMatching(/^udrv: 0000:03:00\.0: in use: /),
          });
          driver.kill('SIGINT');
          await driver.exitWithin(60_000);
          // Without that program `auto` opens both.
          expect(await run(group(`vfio info ${VF2} --vf-token auto`))).toMatchObject({
            code: 0,
            stderr: expect.stringMatching(/^udrv: 0000:03:00\.2: its VF token is [0-9a-f-]{36}\n/),
          });
          if (kernel !== 'stock') {
            // As the physical function's, the token of a cdev counts for groups, and from Linux 6.17 on for cdevs.
            expect(await run(`udrv vfio info ${PF} --backend iommufd --vf-token ${OTHER_TOKEN}`)).toMatchObject({
              code: 0,
            });
            const iommufd = `udrv vfio info ${VF1} --backend iommufd`;
            const opens = (command: string) => expect(run(command)).resolves.toMatchObject({ code: 0 });
            const isRefused = (command: string, why: RegExp) =>
              expect(failing(command)).resolves.toMatchObject({ code: 4, stderr: expect.stringMatching(why) });
            await opens(group(`vfio info ${VF1} --vf-token ${OTHER_TOKEN}`));
            await opens(`${iommufd} --vf-token ${OTHER_TOKEN}`);
            if (kernel === 'newer') {
              await isRefused(
                `${iommufd} --vf-token ${TOKEN}`,
                /this VF token is not the one of its physical function/,
              );
              await isRefused(iommufd, /opening it takes a VF token/);
            } else {
              await opens(`${iommufd} --vf-token ${TOKEN}`);
              await opens(iommufd);
            }
          }
        } finally {
          await run(`udrv vfio vf ${PF} 0; udrv restore ${PF}`);
        }
        expect((await run(`basename $(readlink ${SYSFS}/${PF}/driver)`)).stdout).toBe('nvme\n');
      },
      TEST_MS,
    );
  },
  { qemuArgs: NVME_WITH_VFS, long: 'named' },
);
