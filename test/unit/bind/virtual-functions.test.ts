import { shellCommand, type Write } from '../../../src/bind/plan';
import { changeVirtualFunctions, planVirtualFunctions, type VfOptions } from '../../../src/bind/virtual-functions';
import { laterFailures } from '../../../src/cleanup';
import { SysError, type UdrvError } from '../../../src/errors';
import { type Content, TreeSys } from '../../support/tree-sys';

const PF = '0000:03:00.0';
const VFS = ['0000:03:00.1', '0000:03:00.2'];
const dir = (address: string) => `/sys/bus/pci/devices/${address}`;
const NUMVFS = `${dir(PF)}/sriov_numvfs`;
const AUTOPROBE = `${dir(PF)}/sriov_drivers_autoprobe`;

/** A physical function with a driver. @param count virtual functions that it has */
function physical(count: number, more: Record<string, Content> = {}): Record<string, Content> {
  const vfs = VFS.slice(0, count).flatMap((vf, i): [string, Content][] => [
    [`${dir(PF)}/virtfn${i}`, { link: `../${vf}` }],
    [`${dir(vf)}/physfn`, { link: `../${PF}` }],
  ]);
  return {
    [`${dir(PF)}/driver`]: { link: 'x/ice' },
    [`${dir(PF)}/sriov_totalvfs`]: '8\n',
    [NUMVFS]: `${count}\n`,
    [AUTOPROBE]: '1\n',
    '/proc/self/mountinfo': '',
    '/proc/swaps': '',
    ...Object.fromEntries(vfs),
    ...more,
  };
}

/** An interface that is up. */
const live = (address: string): Record<string, Content> => ({
  '/sys/class/net/eth0': { link: `../../devices/pci0000:00/${address}/net/eth0` },
  [`/sys/devices/pci0000:00/${address}/net/eth0/flags`]: '0x1003\n',
});

function planned(entries: Record<string, Content>, count: number, options?: VfOptions) {
  const { steps, notes } = planVirtualFunctions(new TreeSys(entries), PF, count, options);
  return { steps: steps.map(shellCommand), notes };
}

function refusal(entries: Record<string, Content>, count: number, options?: VfOptions): Partial<UdrvError> {
  try {
    planVirtualFunctions(new TreeSys(entries), PF, count, options);
  } catch (error) {
    const { message, code, exit, hint } = error as UdrvError;
    return { message, code, exit, hint };
  }
  throw new Error('was not refused');
}

describe('the plan', () => {
  test('from none', () => expect(planned(physical(0), 2).steps).toEqual([`echo 2 > ${NUMVFS}`]));

  test('from some to another number, by way of 0', () =>
    expect(planned(physical(2), 4).steps).toEqual([`echo 0 > ${NUMVFS}`, `echo 4 > ${NUMVFS}`]));

  test('to none', () => expect(planned(physical(2), 0).steps).toEqual([`echo 0 > ${NUMVFS}`]));

  test('to what there is', () => expect(planned(physical(2), 2)).toEqual({ steps: [], notes: [] }));

  test('without drivers for the new ones, and the setting is put back', () =>
    expect(planned(physical(0), 1, { probe: false }).steps).toEqual([
      `echo 0 > ${AUTOPROBE}`,
      `echo 1 > ${NUMVFS}`,
      `echo 1 > ${AUTOPROBE}`,
    ]));

  test('without drivers where they get none anyway, which is told', () => {
    const { steps, notes } = planned(physical(0, { [AUTOPROBE]: '0\n' }), 1);
    expect(steps).toEqual([`echo 1 > ${NUMVFS}`]);
    expect(notes).toEqual([expect.stringContaining('sriov_drivers_autoprobe is 0')]);
  });

  test('of a function that VFIO has tells of the token', () => {
    const vfio = { [`${dir(PF)}/driver`]: { link: 'x/vfio-pci' } };
    expect(planned(physical(0, vfio), 1).notes).toEqual([expect.stringContaining('--vf-token')]);
  });
});

describe('is refused', () => {
  test('beyond what the function can have', () =>
    expect(refusal(physical(0), 9)).toMatchObject({
      message: 'can have 8 virtual functions at most, not 9',
      code: 'ERANGE',
      exit: 2,
    }));

  test('of a function without SR-IOV', () =>
    expect(refusal({ [`${dir(PF)}/vendor`]: '0x8086\n' }, 1)).toMatchObject({ exit: 9, code: 'EOPNOTSUPP' }));

  test('of a virtual function, with the physical one', () =>
    expect(refusal({ [`${dir(PF)}/physfn`]: { link: '../0000:02:00.0' } }, 1)).toMatchObject({
      message: 'is a virtual function itself, of 0000:02:00.0',
      hint: 'udrv vfio vf 0000:02:00.0 N',
    }));

  test('without a driver, though removing needs none', () => {
    const { [`${dir(PF)}/driver`]: _, ...entries } = physical(2);
    expect(refusal(entries, 4)).toMatchObject({
      exit: 9,
      message: 'has no driver, and virtual functions are made by it',
    });
    expect(planned(entries, 0).steps).toEqual([`echo 0 > ${NUMVFS}`]);
  });

  test('by drivers that make none', () => {
    const driver = (name: string) => ({ [`${dir(PF)}/driver`]: { link: `x/${name}` } });
    expect(refusal(physical(0, driver('uio_pci_generic')), 1)).toMatchObject({
      exit: 9,
      message: 'its driver, uio_pci_generic, makes no virtual functions',
    });
    const parameter = '/sys/module/vfio_pci/parameters/enable_sriov';
    expect(refusal(physical(0, { ...driver('vfio-pci'), [parameter]: 'N\n' }), 1)).toMatchObject({
      exit: 9,
      hint: `echo Y | sudo tee ${parameter}`,
    });
    expect(planned(physical(0, { ...driver('vfio-pci'), [parameter]: 'Y\n' }), 1).steps).toHaveLength(1);
  });

  test('while the interface of the physical function is up, unless it is forced', () => {
    expect(refusal(physical(0, live(PF)), 2)).toMatchObject({
      exit: 5,
      code: 'EINUSE',
      message: 'refused: the network interface eth0 is up',
      hint: 'ip link set eth0 down; or --force does it anyway',
    });
    expect(planned(physical(0, live(PF)), 2, { force: true })).toEqual({
      steps: [`echo 2 > ${NUMVFS}`],
      notes: [`${PF}: the network interface eth0 is up`],
    });
  });

  test('while a virtual function that would go is in use', () => {
    const [, vf = ''] = VFS;
    expect(refusal(physical(2, live(vf)), 0)).toMatchObject({ exit: 5, code: 'EINUSE' });
    expect(planned(physical(2, live(vf)), 0, { force: true }).steps).toEqual([`echo 0 > ${NUMVFS}`]);
  });

  test('while a program has one of them open, even by force', () => {
    const [vf = ''] = VFS;
    const open = {
      [`${dir(vf)}/driver`]: { link: 'x/vfio-pci' },
      [`${dir(vf)}/iommu_group`]: { link: 'x/13' },
      [`${dir(vf)}/enable`]: '1\n',
      '/proc/4711/fd/3': { link: '/dev/vfio/13' },
      '/proc/4711/comm': 'dpdk\n',
    };
    expect(refusal(physical(2, open), 0, { force: true })).toMatchObject({
      exit: 5,
      code: 'EBUSY',
      message: expect.stringContaining('open in dpdk (pid 4711)'),
    });
  });
});

describe('a write that fails', () => {
  class Machine extends TreeSys {
    readonly written: Write[] = [];
    readonly #fails: (write: Write) => string | undefined;

    constructor(entries: Record<string, Content>, fails: (write: Write) => string | undefined) {
      super(entries);
      this.#fails = fails;
    }

    override writeFile(path: string, value: string): void {
      this.written.push({ path, value });
      const code = this.#fails({ path, value });
      if (code !== undefined) throw new SysError('write', code, path);
    }
  }

  /** The kernel's rules: a count changes by way of 0 alone (sriov_numvfs_store()). */
  class Kernel extends Machine {
    count: number;
    probes = '1';

    constructor(count: number, fails: (write: Write) => string | undefined) {
      super(physical(count), fails);
      this.count = count;
      this.add({ [NUMVFS]: () => `${this.count}\n`, [AUTOPROBE]: () => `${this.probes}\n` });
    }

    override writeFile(path: string, value: string): void {
      super.writeFile(path, value);
      if (path === AUTOPROBE) this.probes = value;
      else if (Number(value) !== this.count) {
        if (Number(value) !== 0 && this.count !== 0) throw new SysError('write', 'EBUSY', path);
        this.count = Number(value);
      }
    }
  }

  function failing(count: number, wanted: number, code: string, options?: VfOptions) {
    const fails = ({ path, value }: Write) => (path === NUMVFS && value === String(wanted) ? code : undefined);
    const machine = new Kernel(count, fails);
    const plan = planVirtualFunctions(machine, PF, wanted, options);
    let failure: unknown;
    try {
      changeVirtualFunctions(machine, plan);
    } catch (error) {
      failure = error;
    }
    return { failure, written: machine.written.map(shellCommand) };
  }

  test('has the former number and setting written back', () => {
    const { failure, written } = failing(2, 4, 'ENOMEM', { probe: false });
    expect(failure).toMatchObject({ exit: 1, code: 'ENOMEM', hint: expect.stringContaining('pci=realloc') });
    expect(written).toEqual([
      `echo 0 > ${NUMVFS}`,
      `echo 0 > ${AUTOPROBE}`,
      `echo 4 > ${NUMVFS}`,
      `echo 1 > ${AUTOPROBE}`,
      `echo 2 > ${NUMVFS}`,
    ]);
  });

  function changed(kernel: Kernel, wanted: number): unknown {
    try {
      changeVirtualFunctions(kernel, planVirtualFunctions(kernel, PF, wanted, { probe: false }));
      return undefined;
    } catch (error) {
      return error;
    }
  }

  test('after the functions were made has them taken away again, and those that were before made', () => {
    let times = 0;
    const kernel = new Kernel(2, ({ path, value }) =>
      path === AUTOPROBE && value === '1' && times++ === 0 ? 'EIO' : undefined,
    );
    expect(changed(kernel, 4)).toMatchObject({ code: 'EIO' });
    expect([kernel.count, kernel.probes]).toEqual([2, '1']);
  });

  test('and what cannot be written back has a line of its own', () => {
    const kernel = new Kernel(2, ({ path, value }) => (path === NUMVFS && value !== '0' ? 'ENOMEM' : undefined));
    const failure = changed(kernel, 4);
    expect(failure).toMatchObject({ code: 'ENOMEM' });
    expect(laterFailures(failure)).toMatchObject([
      { device: PF, message: 'could not be put back: it has 0 virtual functions instead of 2', exit: 1 },
    ]);
    const stuck = new Kernel(0, ({ path, value }) => (path === NUMVFS || value === '1' ? 'EIO' : undefined));
    expect(laterFailures(changed(stuck, 1))).toMatchObject([
      { device: PF, message: 'could not be put back: sriov_drivers_autoprobe is 0 instead of 1' },
    ]);
  });

  test.each([
    ['ENOENT', 9, 'its driver, ice, makes no virtual functions'],
    ['EACCES', 4, expect.any(String)],
    ['EBUSY', 5, expect.any(String)],
    ['EIO', 1, expect.any(String)],
  ])('with %s is exit %i', (code, exit, message) => {
    const { failure, written } = failing(0, 1, code);
    expect(failure).toMatchObject({ exit, message });
    expect(written).toEqual([`echo 1 > ${NUMVFS}`]);
  });
});
