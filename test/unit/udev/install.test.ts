import type { DeviceInfo } from '../../../src/model/device';
import { AttributeReader } from '../../../src/sys/readers/attributes';
import type { Permissions } from '../../../src/sys/sys';
import { nodeChains } from '../../../src/udev/chain';
import { install, prepareInstall, prepareRemoval, remove } from '../../../src/udev/install';
import { matchRule } from '../../../src/udev/match';
import { parseRules } from '../../../src/udev/rules-file';
import { TreeSys } from '../../support/tree-sys';

const CARD = '/sys/devices/pci0000:00/0000:00:04.0';
const CONFIG = '/sys/bus/pci/devices/0000:00:04.0/config';
const RULES = '/etc/udev/rules.d';
const OWN = `${RULES}/70-udrv-uio-0000:00:04.0.rules`;
const GROUPS = new Map([
  ['root', 0],
  ['plugdev', 46],
  ['users', 100],
]);

const uio = {
  framework: 'uio',
  address: 'uio0',
  vendorId: '1234',
  deviceId: '11e8',
  driver: 'uio_pci_generic',
  uio: { parent: '0000:00:04.0', parentBus: 'pci', parentDevice: '0000:00:04.0' },
} as DeviceInfo;

/** A machine with udev's daemon, which reads its rules at each event but those that it is told to miss. */
class Machine extends TreeSys {
  /** Events that the daemon answers by the rules that it has read before. */
  missed = 0;
  events = 0;
  readonly #nodes = new Map<string, Permissions>();

  constructor(rules: Record<string, string> = {}) {
    super({
      '/sys/class/uio/uio0': { link: '../../devices/pci0000:00/0000:00:04.0/uio/uio0' },
      [`${CARD}/uio/uio0/uevent`]: 'MAJOR=242\nMINOR=0\nDEVNAME=uio0\n',
      [`${CARD}/uio/uio0/dev`]: '242:0\n',
      [`${CARD}/uio/uio0/subsystem`]: { link: '/sys/class/uio' },
      [`${CARD}/subsystem`]: { link: '/sys/bus/pci' },
      [`${CARD}/driver`]: { link: '/sys/bus/pci/drivers/uio_pci_generic' },
      '/etc/group': 'root:x:0:\nplugdev:x:46:ada\nusers:x:100:\n',
      '/proc/net/unix': 'Num RefCount\n0: 00000002 00000000 00010000 0005 01 12 /run/udev/control\n',
      '/run/udev/control': { node: 'rw' },
      '/run/udev/data/+misc:x': 'V:1\n',
      [`${RULES}/README`]: '',
    });
    this.add(rules);
    this.#own('/dev/uio0', { mode: 0o600, uid: 0, gid: 0 });
    this.#own(CONFIG, { mode: 0o644, uid: 0, gid: 0 });
  }

  #own(path: string, permissions: Permissions): void {
    this.#nodes.set(path, permissions);
  }

  override permissions(path: string): Permissions | null {
    return this.#nodes.get(path) ?? null;
  }

  override replaceFile(path: string, text: string): void {
    this.add({ [path]: text });
  }

  override removeFile(path: string): void {
    this.tree.delete(path);
  }

  override writeFile(path: string, text: string): void {
    if (path !== `${CARD}/uio/uio0/uevent` || text !== 'add') throw new Error(`${text} was written to ${path}`);
    this.events++;
    if (this.missed-- <= 0) this.#apply();
  }

  #apply(): void {
    const reader = new AttributeReader(this);
    const [chain = []] = nodeChains(reader, uio);
    const tags = new Set<string>();
    const owned = { ...(this.#nodes.get('/dev/uio0') ?? { mode: 0, uid: 0, gid: 0 }) };
    for (const name of this.readDir(RULES).sort())
      for (const { terms, path, line } of parseRules(name, this.readFile(`${RULES}/${name}`).toString())) {
        if (matchRule(reader, { terms, path, line }, chain).is !== 'yes') continue;
        for (const { key, value } of terms) {
          if (key === 'GROUP') owned.gid = GROUPS.get(value) ?? owned.gid;
          if (key === 'MODE') owned.mode = Number.parseInt(value, 8);
          if (key === 'TAG') tags.add(value);
          if (key === 'RUN') this.#run(value);
        }
      }
    this.#own('/dev/uio0', owned);
    this.add({
      '/run/udev/data/c242:0': [...tags]
        .map((tag) => `G:${tag}\nQ:${tag}\n`)
        .concat('V:1\n')
        .join(''),
    });
  }

  #run(command: string): void {
    const [program, what = '', path = ''] = command.split(' ');
    const { mode, uid, gid } = this.#nodes.get(path) ?? { mode: 0, uid: 0, gid: 0 };
    if (program === '/usr/bin/chgrp') this.#own(path, { mode, uid, gid: GROUPS.get(what) ?? gid });
    if (what === 'g+rw') this.#own(path, { mode: mode | 0o060, uid, gid });
    if (what === 'g-w') this.#own(path, { mode: mode & ~0o020, uid, gid });
  }

  ownRules(): string[] {
    return this.readDir(RULES).filter((name) => name !== 'README');
  }
}

const give = (machine: Machine, grant: Parameters<typeof prepareInstall>[2] = { group: 'plugdev' }) =>
  install(machine, prepareInstall(machine, uio, grant));
const take = (machine: Machine) => remove(machine, prepareRemoval(machine, '', uio));

describe('rules that are installed', () => {
  test('give the node and the configuration space, and are taken back with nothing left', async () => {
    const machine = new Machine();
    expect(await give(machine)).toBe(true);
    expect(machine.permissions('/dev/uio0')).toEqual({ mode: 0o660, uid: 0, gid: 46 });
    expect(machine.permissions(CONFIG)).toEqual({ mode: 0o664, uid: 0, gid: 46 });
    expect(machine.ownRules()).toEqual(['70-udrv-uio-0000:00:04.0.rules']);
    expect(await take(machine)).toEqual([]);
    expect(machine.permissions('/dev/uio0')).toEqual({ mode: 0o600, uid: 0, gid: 0 });
    expect(machine.permissions(CONFIG)).toEqual({ mode: 0o644, uid: 0, gid: 0 });
    expect(machine.ownRules()).toEqual([]);
  });

  test('twice are written once, and another group takes the place of the first', async () => {
    const machine = new Machine();
    await give(machine);
    await give(machine);
    expect(machine.events).toBe(1);
    await give(machine, { group: 'users' });
    expect(machine.permissions('/dev/uio0')?.gid).toBe(100);
    expect(machine.ownRules()).toHaveLength(1);
  });

  test('for the seat put the tag into the database', async () => {
    const machine = new Machine();
    expect(await give(machine, 'uaccess')).toBe(true);
    expect(machine.readFile('/run/udev/data/c242:0').toString()).toContain('Q:uaccess');
    expect(await take(machine)).toEqual([]);
    expect(machine.readFile('/run/udev/data/c242:0').toString()).toBe('V:1\n');
  });

  test('are read at a second event where udev missed them at the first', async () => {
    const machine = new Machine();
    machine.missed = 1;
    expect(await give(machine)).toBe(true);
    expect(machine.events).toBe(2);
  });

  test('are removed again where a later rule has the last word', async () => {
    jest.useFakeTimers();
    const late = `${RULES}/99-late.rules`;
    const machine = new Machine({ [late]: 'SUBSYSTEM=="uio", GROUP="root", MODE="0600"' });
    const failure = expect(give(machine)).rejects.toMatchObject({
      exit: 1,
      subject: '/dev/uio0',
      message: 'udev did not apply the rules (group 0, mode 0600), which are removed again',
      hint: `${late}:1 gives it to another group afterwards`,
    });
    await jest.advanceTimersByTimeAsync(20_000);
    await failure;
    jest.useRealTimers();
    expect(machine.ownRules()).toEqual(['99-late.rules']);
  });

  test('are removed again where a signal comes first', async () => {
    const machine = new Machine();
    machine.missed = 9;
    const controller = new AbortController();
    const installed = install(machine, prepareInstall(machine, uio, { group: 'plugdev' }), controller.signal);
    controller.abort();
    expect(await installed).toBeNull();
    expect(machine.ownRules()).toEqual([]);
  });

  test.each([
    ['/proc/net/unix', 'Num RefCount\n'],
    ['/run/udev/control', null],
  ])('stay without a daemon: %s', async (path, content) => {
    const machine = new Machine();
    if (content === null) machine.tree.delete(path);
    else machine.add({ [path]: content });
    expect(await give(machine)).toBe(false);
    expect(machine.ownRules()).toHaveLength(1);
    expect(machine.events).toBe(0);
    expect(await take(machine)).toEqual([expect.stringContaining('stay as they are until')]);
    expect(machine.ownRules()).toEqual([]);
  });
});

test('what another rule gives too is left, and said', async () => {
  const machine = new Machine({ [`${RULES}/60-mine.rules`]: 'SUBSYSTEM=="uio", GROUP="users", MODE="0660"' });
  await give(machine);
  expect(await take(machine)).toEqual([`uio0: ${RULES}/60-mine.rules:1 gives it too`]);
  expect(machine.ownRules()).toEqual(['60-mine.rules']);
});

describe('nothing is written', () => {
  test.each([
    [{}, { group: 'nosuch' }, { exit: 3, subject: 'nosuch', hint: expect.stringContaining('groupadd') }],
    [{ [OWN]: '# mine\n' }, { group: 'plugdev' }, { exit: 5, subject: OWN }],
    [{ [OWN]: { link: '/etc/passwd' } }, { group: 'plugdev' }, { exit: 5, subject: OWN }],
    [{}, { group: 'a"b' }, { exit: 2 }],
  ])('%j %j', (entries, grant, error) => {
    const machine = new Machine();
    machine.add(entries as Record<string, string>);
    expect(() => prepareInstall(machine, uio, grant)).toThrow(expect.objectContaining(error));
  });

  test('where udev is not installed', () => {
    const machine = new Machine();
    machine.tree.delete(RULES);
    expect(() => prepareInstall(machine, uio, 'uaccess')).toThrow('udev is not installed');
  });

  test('over a file that is not from udrv', () => {
    const machine = new Machine({ [OWN]: '# mine\n' });
    expect(() => prepareRemoval(machine, '', uio)).toThrow('is not as udrv wrote it');
  });
});
