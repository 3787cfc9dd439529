import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import stringWidth from 'string-width';
import { describeWith } from '../support/requires';
import { plant, scratch, usbDevice } from './tree';
import { cliFails, cliPasses, onTerminal, ROOT, text, udrv } from './udrv';

const dir = scratch();

const LAB = `--snapshot ${join(ROOT, 'fixtures/lab.snapshot')}`;
const NO_COLOR = { NO_COLOR: '1', UDRV_PAGER: '' };

/** A product in Japanese with emoji, a serial number with letters of several code points. */
plant(join(dir, 'wide'), {
  ...usbDevice({ product: '日本語のUSBカメラ 🎥🫠 テスト装置の長い名前です\n', serial: 'シリアル①👨‍👩‍👧\n' }),
  ...usbDevice({ product: 'e\u0301 plain\n', serial: 'PLAIN\n' }, '1-3'),
});
const WIDE = `--sysroot ${join(dir, 'wide')}`;

async function shown(command: string, options: Parameters<typeof onTerminal>[1] = {}): Promise<string[]> {
  const { stdout, exit } = await onTerminal(command, { ...options, env: { ...NO_COLOR, ...options.env } });
  expect(exit).toBe(0);
  return stdout.trimEnd().split('\r\n');
}

const COMMANDS = [
  '--sim list --all',
  '--sim usb list',
  '--sim vfio groups -v',
  `${LAB} list`,
  `${LAB} usb list`,
  `${LAB} vfio groups`,
  `${WIDE} list`,
  `${WIDE} usb list`,
  '--sim show 0000:02:01.0',
  '--sim show uio3',
  '--sim show 1-4',
  '--sim vfio info 0000:00:03.0',
  '--sim vfio dma-test 0000:00:03.0',
  '--sim vfio config 0000:01:00.0 -v',
  '--sim usb show 1-2',
  `${WIDE} show 1-2`,
  // Its commands name the machine, which makes them longer.
  `${LAB} show 0000:00:07.0`,
  '--help',
  'usb list --help',
];

describeWith('script', 'on a terminal', () => {
  test.concurrent.each(
    COMMANDS.flatMap((command) =>
      [80, 120, ...(/usb show|--help/.test(command) ? [] : [40])].map((columns) => [command, columns] as const),
    ),
  )('%s breaks no row and no word in %i columns', async (command, columns) => {
    const lines = await shown(command, { size: { columns, rows: 50 } });
    expect(lines.length).toBeGreaterThan(1);
    // A remark is on standard error, and no row.
    const rows = lines.filter((line) => !line.startsWith('udrv: '));
    expect(rows.filter((line) => stringWidth(line) > columns)).toEqual([]);
    const whole = await udrv(command, { env: { COLUMNS: '1000' } });
    const known = new Set(`${whole.stdout} ${whole.stderr}`.split(/\s+/));
    const isWhole = (word: string) => known.has(word) || word.includes('…') || /^\d+$/.test(word);
    const words = rows.join(' ').split(/\s+/);
    // In 40 columns some words are longer than what there is room for.
    if (columns >= 80) expect(words.filter((word) => !isWhole(word))).toEqual([]);
    // COLUMNS counts where the terminal does not tell its size.
    expect((await shown(command, { env: { COLUMNS: String(columns) } })).map(timeless)).toEqual(lines.map(timeless));
  });

  /** Takes out what differs from one run to the next. */
  const timeless = (line: string) => line.replace(/\d+ ms/, 'N ms');

  test.concurrent('all is there where there is room', async () => {
    for (const command of ['--sim list', `${LAB} usb list`, '--sim vfio groups 9'])
      expect(await shown(command, { size: { columns: 250, rows: 50 } })).toEqual(
        (await udrv(command)).stdout.trimEnd().split('\n'),
      );
  });

  test.concurrent('columns of wide characters stay aligned', async () => {
    const [heading = '', ...lines] = await shown(`${WIDE} usb list -o serial,address,name`, {
      size: { columns: 60, rows: 50 },
    });
    expect(lines).toEqual([
      'シリアル①👨‍👩‍👧  1-2      日本語のUSBカメラ 🎥🫠 テスト装置の長…',
      'PLAIN        1-3      e\u0301 plain',
    ]);
    const start = heading.indexOf('NAME');
    for (const [line, name] of [
      [lines[0], '日本'],
      [lines[1], 'e\u0301'],
    ] as const)
      expect(stringWidth(line?.slice(0, line.indexOf(name)) ?? '')).toBe(start);
  });

  test.concurrent('what is needed least is left out, what is asked for is not', async () => {
    const size = { columns: 80, rows: 50 };
    expect((await shown('--sim list', { size }))[0]).toBe(
      'TYPE  ADDRESS       ID         DRIVER           ACCESS  NAME',
    );
    expect((await shown('--sim list -o +node uio0', { size }))[0]).toContain('NODE');
    // The remark is shortened before the name, and stays.
    expect(await shown('--sim vfio groups', { size })).toContain(
      '               0000:02:02.0  virtio-pci       Red Hat, Inc. Virtio R…  <- blocks',
    );
  });
});

test.concurrent('elsewhere, the width changes nothing', async () => {
  // Help is for people wherever it goes, and takes COLUMNS; the time of a DMA test is another each time.
  for (const command of COMMANDS.filter((one) => !/dma-test|--help/.test(one))) {
    const narrow = await udrv(command, { env: { COLUMNS: '40' } });
    expect(narrow).toEqual(await udrv(command, { env: { COLUMNS: undefined } }));
    expect(narrow.stdout).not.toContain('…');
  }
});

describe('the options of lists', () => {
  cliPasses([
    [
      '--sim list -o address,driver --filter type=uio --no-headings',
      'uio0  uio_pci_generic\nuio1  uio_pdrv_genirq\nuio2  uio_pci_generic\nuio3  aectc\n',
    ],
    ['--sim uio list --sort -address -q', 'uio3\nuio2\nuio1\nuio0\n'],
    // Not the flags -n, -v and -q.
    ['--sim vfio list --sort -node -q', '0000:02:01.0\n0000:00:03.0\n'],
    ['--sim uio list --sort -name -q', 'uio2\nuio0\nuio1\nuio3\n'],
    ['--sim vfio list --filter viable -o ADDRESS,iommuGroup', 'ADDRESS       IOMMUGROUP\n0000:00:03.0  1\n'],
    [
      ['--sim', 'usb', 'list', '--filter', 'speed>=480 && !driver', '--sort', 'speed:desc', '-o', '+usbVersion'],
      text`
        ADDRESS  BUS/DEV  ID         SPEED  CLASS            DRIVER  ACCESS  NODES  SERIAL    NAME                   USBVERSION
        1-2      001/003  0525:a4a0  480M   Vendor specific  -       rw      -      UDRV0004  udrv Source/sink data  2.00
        3-1      003/002  0525:a4a0  480M   Vendor specific  -       rw      -      UDRV0003  udrv Gadget Zero       2.00
      `,
    ],
    [
      ['--sim', 'vfio', 'groups', '--filter', 'group=7 && driver', '--sort=-device', '-o', 'group,device,blocks'],
      'GROUP  DEVICE        BLOCKS\n7      0000:02:02.0  yes\n7      0000:02:01.0  no\n',
    ],
    ['--sim usb list -t --filter address~usb3 -q', 'usb3\n'],
    [
      '--sim --json list --filter speedMbps=5000 -o address,speedMbps,node',
      '{"schema":"udrv.list/1","devices":[{"address":"usb2","usb":{"speedMbps":5000},"node":"/dev/bus/usb/002/001"}]}\n',
    ],
    [
      '--sim --json vfio groups --filter driver=virtio-pci -o group,device,driver',
      '{"schema":"udrv.groups/1","groups":[{"group":7,"devices":[{"address":"0000:02:02.0","driver":"virtio-pci"}]}],"holdersComplete":true}\n',
    ],
    ['--sim --json list --filter driver=nothing', '{"schema":"udrv.list/1","devices":[]}\n'],
  ]);

  test.concurrent('a filter that leaves nothing is no error', async () => {
    for (const command of ['list', 'usb list', 'vfio groups'])
      expect(await udrv(`--sim ${command} --filter driver=nothing`)).toEqual({
        stdout: '',
        stderr: 'udrv: nothing matches the filter\n',
        exit: 0,
      });
  });

  const hint = /^hint: the columns are framework, address, id, driver, node, access, name, vendorId, .*usb\.speedMbps/m;
  test.concurrent.each(['-o address,nonsense', '--sort nonsense', '--filter nonsense=1', '--json -o nonsense'])(
    'a column that there is not is exit 2: %s',
    async (options) => {
      const { stdout, stderr, exit } = await udrv(`--sim list ${options}`);
      expect({ stdout, exit }).toEqual({ stdout: '', exit: 2 });
      expect(stderr).toMatch(/: no column nonsense/);
      if (!options.includes('json')) expect(stderr).toMatch(hint);
    },
  );

  test.concurrent('a column that JSON has not cannot be selected', async () => {
    const { stderr, exit } = await udrv('--sim --json usb list -o nodes');
    expect(exit).toBe(2);
    expect(JSON.parse(stderr).error.message).toBe('--columns: NODES is not in the JSON document');
  });

  const write = "write COLUMN=VALUE, as in 'framework=usb && driver~storage'";
  cliFails(2, [
    [['--sim', 'list', '--filter', 'driver=a b'], '--filter: at character 10: expected && or ||', write],
    [['--sim', 'vfio', 'groups', '--filter', '(viable'], '--filter: at its end: expected ) for the ( at 1', write],
    ['--sim usb list -t -o address', '--tree: has no columns to choose or to sort by'],
    ['--sim vfio groups -t --sort id', '--tree: has no columns to choose, and no rows to sort or to filter'],
  ]);
});

/** Makes a directory for XDG_CONFIG_HOME. */
function settings(name: string, content: string): NodeJS.ProcessEnv {
  const home = join(dir, name);
  mkdirSync(join(home, 'udrv'), { recursive: true });
  writeFileSync(join(home, 'udrv/config'), content);
  return { XDG_CONFIG_HOME: home };
}

describeWith('script', 'the settings', () => {
  // Written once: the tests run side by side.
  const good = settings('good', 'list.columns = address,driver\nlist.sort = -driver\nuio.list.columns = name\n');

  test.concurrent('are for the list that they name, on a terminal', async () => {
    expect(await shown('--sim list --type uio', { env: good })).toEqual([
      'ADDRESS  DRIVER',
      'uio1     uio_pdrv_genirq',
      'uio0     uio_pci_generic',
      'uio2     uio_pci_generic',
      'uio3     aectc',
    ]);
    expect((await shown('--sim uio list', { env: good }))[0]).toBe('NAME');
    expect((await shown('--sim usb list', { env: good }))[0]).toMatch(/^ADDRESS {2}BUS/);
  });

  test.concurrent('yield to options', async () => {
    expect(await shown('--sim list --type uio -o address --sort address', { env: good })).toEqual([
      'ADDRESS',
      'uio0',
      'uio1',
      'uio2',
      'uio3',
    ]);
    expect(await shown('--sim --no-config list --type uio', { env: good })).toEqual(
      await shown('--sim list --type uio'),
    );
  });

  test.concurrent('change nothing for a script', async () => {
    // Without UIO: the timer of the simulated machine counts.
    for (const command of ['--sim list', '--sim --json list --type usb', '--sim list -q'])
      expect(await udrv(command, { env: { ...good, HOME: dir } })).toEqual(await udrv(command));
  });

  test.concurrent('that are wrong are remarked on, and ignored', async () => {
    const wrong = settings('wrong', 'nonsense\nlist.columns = a\nlist.sort = address\n');
    const path = join(dir, 'wrong/udrv/config');
    expect(await shown('--sim list uio1', { env: wrong })).toEqual([
      `udrv: ${path}:1: is not KEY = VALUE; the line is ignored`,
      `udrv: ${path}:2: no column a; the line is ignored`,
      ...(await shown('--sim list uio1')),
    ]);
  });

  test.concurrent('of colour yield to the environment and to --color', async () => {
    const never = { ...settings('never', 'color = never\n'), UDRV_PAGER: '' };
    const coloured = async (command: string, env: NodeJS.ProcessEnv) =>
      (await onTerminal(`--sim list uio1 ${command}`, { env })).stdout.includes('\x1b[');
    expect(await coloured('', { UDRV_PAGER: '' })).toBe(true);
    expect(await coloured('', never)).toBe(false);
    expect(await coloured('--color always', never)).toBe(true);
    expect(await coloured('', { ...never, FORCE_COLOR: '1' })).toBe(true);
    const always = settings('always', 'color = always\n');
    expect(await coloured('', { ...always, TERM: 'dumb' })).toBe(true);
    expect(await coloured('', { ...always, NO_COLOR: '1' })).toBe(false);
  });
});

describeWith('script', 'the pager', () => {
  /** A pager that keeps what it is given, and says so. */
  const pager = join(dir, 'pager');
  writeFileSync(pager, '#!/bin/sh\necho "paged $*"\ncat > "$1"\n');
  chmodSync(pager, 0o755);
  const size = { columns: 80, rows: 5 };
  const paged = (name: string) => readFileSync(join(dir, name), 'utf8');

  test.concurrent('gets what is higher than the terminal, and no other output', async () => {
    const env = { UDRV_PAGER: `'${pager}' ${join(dir, 'one')} "a b"`, NO_COLOR: '1' };
    expect(await shown('--sim list', { env, size })).toEqual([`paged ${join(dir, 'one')} a b`]);
    expect(paged('one').split('\n')).toHaveLength(16);
    expect((await shown('--sim list uio0', { env, size }))[0]).toMatch(/^TYPE/);
    expect(await shown('--sim --no-pager list', { env, size })).toHaveLength(15);
    expect((await shown('--sim uio dump uio0 map0 0+0x800', { env, size }))[0]).toMatch(/^0x0000/);
    expect((await udrv('--sim list', { env })).stdout.split('\n')).toHaveLength(16);
  });

  test.concurrent.each(['show 1-2', 'usb show 1-2', 'vfio groups', 'vfio groups -t', 'vfio config 0000:01:00.0'])(
    'is for %s',
    async (command) => {
      const file = join(dir, command.replaceAll(/\W/g, '-'));
      expect(await shown(`--sim ${command}`, { env: { UDRV_PAGER: `${pager} ${file}` }, size })).toEqual([
        `paged ${file}`,
      ]);
      expect(readFileSync(file, 'utf8').split('\n').length).toBeGreaterThan(5);
    },
  );

  test.concurrent('is the one of UDRV_PAGER, else of the settings, else of PAGER', async () => {
    const file = (name: string) => `${pager} ${join(dir, name)}`;
    const env = { ...settings('paged', `pager = ${file('setting')}\n`), PAGER: file('variable') };
    const by = (env: NodeJS.ProcessEnv) => onTerminal('--sim list', { env: { NO_COLOR: '1', ...env }, size });
    expect((await by({ ...env, UDRV_PAGER: file('own') })).stdout).toContain('/own');
    expect((await by(env)).stdout).toContain('/setting');
    expect((await by({ PAGER: file('variable') })).stdout).toContain('/variable');
  });

  test.concurrent.each(['', 'cat', '/nowhere/pager', 'no-such-pager -R'])('%j is none', async (UDRV_PAGER) => {
    expect(await shown('--sim list', { env: { UDRV_PAGER }, size })).toHaveLength(15);
  });

  test.concurrent('that needs a shell is remarked on', async () => {
    const [remark, ...lines] = await shown('--sim list', { env: { UDRV_PAGER: 'less | cat' }, size });
    expect(remark).toBe('udrv: the pager is started without a shell, and less | cat needs one');
    expect(lines).toHaveLength(15);
  });

  test.concurrent('that ends before the text does ends nothing else', async () => {
    expect(await shown('--sim vfio config 0000:01:00.0 -v', { env: { UDRV_PAGER: 'head -n 1' }, size })).toHaveLength(
      1,
    );
    expect(await shown('--sim list', { env: { UDRV_PAGER: 'false' }, size })).toEqual(['']);
  });

  test.concurrent('changes no exit code, and gets colours', async () => {
    const env = { UDRV_PAGER: `${pager} ${join(dir, 'coloured')}` };
    const { exit } = await onTerminal('--sim usb list', { env, size });
    expect(exit).toBe(0);
    expect(paged('coloured')).toMatch(/^\x1b\[1mADDRESS/);
  });
});
