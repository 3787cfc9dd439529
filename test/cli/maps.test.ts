import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratch } from './tree';
import { cliFails, cliPasses, ROOT, udrv } from './udrv';

const dir = scratch();
const EDU = join(__dirname, 'fixtures/edu.json');
const SVD = join(dir, 'timer.svd');
const CSV = join(dir, 'csr.csv');
const HOSTILE = join(dir, 'hostile.json');

// The timer of the simulated machine: its registers are at 0xfed60100, which sysfs tells.
writeFileSync(
  SVD,
  `<?xml version="1.0"?><device><name>SOC</name><peripherals>
    <peripheral><name>OTHER</name><baseAddress>0x40000000</baseAddress><registers>
      <register><name>ID</name><addressOffset>0</addressOffset></register></registers></peripheral>
    <peripheral><name>TIMER</name><baseAddress>0xfed60100</baseAddress><registers>
      <register><name>ID</name><addressOffset>0</addressOffset><access>read-only</access><fields>
        <field><name>VERSION</name><bitRange>[7:0]</bitRange></field></fields></register>
      <register><name>ODD</name><addressOffset>0x40</addressOffset><size>24</size></register>
      <register><name>CLEARED</name><addressOffset>0x4</addressOffset><readAction>clear</readAction></register>
    </registers></peripheral></peripherals></device>`,
);
// A LiteX SoC whose bank is where edu is: a wide register over one that is 0 and one that is not there.
writeFileSync(
  CSV,
  `csr_base,edu,0xf0000000,,
csr_register,edu_id,0xf0000000,1,ro
csr_register,edu_liveness,0xf0000004,1,rw
csr_register,edu_wide,0xf0000008,2,rw
constant,config_csr_data_width,32,,
memory_region,csr,0xf0000000,65536,io
`,
);
writeFileSync(
  HOSTILE,
  JSON.stringify({
    schema: 'udrv.map/1',
    peripherals: [
      {
        name: 'P\u001b[2J',
        registers: [
          {
            name: 'R\u009b31m',
            description: 'x\u001b]0;title\u0007',
            offset: 0,
            fields: [{ name: '\u202eF', bits: '7:0', values: { 'a\u001b[31m': '0xed' } }],
          },
        ],
      },
    ],
  }),
);

const edu = `--map ${EDU}`;

describe('read and dump', () => {
  cliPasses([
    [`--sim uio read uio0 ID ${edu}`, '0x010000ed\n'],
    [`--sim uio read uio0 EDU.id ${edu}`, '0x010000ed\n'],
    [`--sim uio read uio0 ID.MAGIC ${edu}`, '0xed\n'],
    [`--sim uio read uio0 ID.MAJOR ${edu}`, '0x1\n'],
    // A place is one still, and a name has the width of its register.
    [`--sim uio read uio0 map0:0x0 ${edu}`, '0x010000ed\n'],
    [`--sim uio read uio0 map0 0x0 ${edu}`, '0x010000ed\n'],
    [`--sim uio read uio0 DMA_COUNT ${edu}`, '0x0000000000000000\n'],
    [
      `--sim --json uio read uio0 ID.MAGIC ${edu}`,
      '{"region":"map0","offset":0,"width":4,"value":"0xed","name":"EDU.ID.MAGIC","meaning":"edu"}\n',
    ],
    [`--sim --json uio read uio0 ID ${edu}`, /"value":"0x010000ed","name":"EDU.ID"\}\n$/],
    [`--sim vfio read 0000:00:03.0 ID ${edu}@bar0`, '0x010000ed\n'],
    [`--sim uio dump uio0 DMA_COMMAND ${edu}`, '0x0098  0x0000000000000000\n'],
    [`--sim uio dump uio0 ID -w 2 ${edu}`, '0x0000  0x0000 0x0000\n'],
    // In an SVD, the timer is where it is in the machine, and the other peripheral is left out.
    [`--sim uio read uio1 ID --map ${SVD}`, '0x54494d01\n'],
    [`--sim uio read uio1 ID.VERSION --map ${SVD}`, '0x1\n'],
    [`--sim uio read uio0 ID --map ${SVD}#TIMER@map0`, '0x010000ed\n'],
    // The most significant word first.
    [`--sim uio read uio0 edu_wide --map ${CSV}`, '0x00000000ffffffff\n'],
    [`--sim uio read uio0 edu.id --map ${CSV}`, '0x010000ed\n'],
  ]);

  cliFails(3, [
    [`--sim uio read uio0 STATSU ${edu}`, 'STATSU: no register has this name', 'did you mean STATUS?'],
    [`--sim uio read uio0 ID.MAGI ${edu}`, 'ID.MAGI: EDU.ID has no field MAGI', 'did you mean ID.MAGIC?'],
    [`--sim uio read uio0 ID ${edu}#NONE`, `${EDU}: has no peripheral NONE`, 'it has EDU'],
    [`--sim uio read uio0 ID ${edu}@map7`, 'uio0 map7: no such region', 'it has map0'],
    [`--sim uio read uio0 ID --map ${dir}/none.svd`, `${dir}/none.svd: no such file or directory (ENOENT)`],
    // Without a map, a word is a region.
    ['--sim uio read uio0 ID', 'uio0 ID: no such region', 'it has map0'],
  ]);

  cliFails(2, [
    [`--sim uio read uio0 ID ${edu} -w 2`, 'EDU.ID: is accessed with 4 bytes: leave out -w 2'],
    [`--sim uio dump uio0 ID.MAGIC ${edu}`, 'EDU.ID.MAGIC: is a field: a dump shows registers'],
    [
      `--sim uio read uio0 ID ${edu}@map0+0xffff0`,
      `${EDU}: does not fit map0 of uio0: EDU.STATUS would be at 0x100010, and the region has 0x100000 bytes`,
      'name the peripheral and its place: --map FILE#PERIPHERAL@REGION+OFFSET',
    ],
    [
      `--sim uio read uio0 ID --map ${join(ROOT, 'README.md')}`,
      /no map of registers/,
      "maps are CMSIS-SVD, LiteX's csr.csv and csr.json, and udrv's own JSON",
    ],
  ]);
});

describe('write', () => {
  test('a field is read, put in and written, and that is told', async () => {
    const { stdout, stderr, exit } = await udrv(`--sim --trace uio write uio0 STATUS.IRQ_WHEN_DONE on ${edu}`);
    expect({ stdout, exit }).toEqual({ stdout: '', exit: 0 });
    const accesses = stderr.split('\n').filter((line) => /^(load|store)\(/.test(line));
    expect(accesses).toEqual([
      expect.stringContaining('0x20, 4) = 0x00000000'),
      expect.stringContaining('0x20, 4, 0x80)'),
    ]);
    expect(stderr).toContain('uio0 map0:0x20/4: read 0x00000000, wrote 0x00000080 (EDU.STATUS.IRQ_WHEN_DONE)\n');
  });

  cliPasses([
    [
      `-n --sim uio write uio0 STATUS.IRQ_WHEN_DONE 1 ${edu}`,
      'read uio0 map0:0x20/4\nwrite uio0 map0:0x20/4=0x1 (EDU.STATUS.IRQ_WHEN_DONE), the other bits as they were read\n',
    ],
    [`-n --sim uio write uio0 IRQ_RAISE 1 ${edu}`, 'uio0 map0:0x60/4=0x00000001 (EDU.IRQ_RAISE)\n'],
    [`--sim uio write uio0 IRQ_RAISE 1 ${edu}`, ''],
    [`-n --sim uio write uio0 ID 1 --force ${edu}`, 'uio0 map0:0x0/4=0x00000001 (EDU.ID)\n'],
    [`-n --sim uio write uio0 edu_wide 0x100000002 --map ${CSV}`, 'uio0 map0:0x8/4=0x0000000100000002 (edu.wide)\n'],
  ]);

  cliFails(5, [
    [`--sim uio write uio0 ID 1 ${edu}`, 'EDU.ID: is read-only', '--force does it all the same'],
    [
      `--sim uio write uio0 IRQ_RAISE.LOW 1 ${edu}`,
      'EDU.IRQ_RAISE.LOW: is not written by a read and a write: its register is write-only',
      'write the whole register, EDU.IRQ_RAISE; --force does it all the same',
    ],
    [
      `--sim uio watch-irq uio0 --count 1 --trigger IRQ_RAISE.LOW=1 ${edu}`,
      'EDU.IRQ_RAISE.LOW: is not written by a read and a write: its register is write-only',
      'write the whole register, EDU.IRQ_RAISE',
    ],
  ]);

  cliFails(2, [
    [`--sim uio write uio0 STATUS.IRQ_WHEN_DONE 2 ${edu}`, 'uio0 map0: 0x2 does not fit a field of 1 bits'],
    [
      `--sim uio write uio0 STATUS.IRQ_WHEN_DONE maybe ${edu}`,
      'maybe: is no value of EDU.STATUS.IRQ_WHEN_DONE',
      'a number, or off, on',
    ],
  ]);
});

describe('actions', () => {
  cliPasses([
    [
      `--sim --json uio watch-irq uio0 --count 2 --trigger IRQ_RAISE=1 --ack IRQ_ACK=IRQ_STATUS ${edu}`,
      /"index":2,"count":2/,
    ],
    [`--sim uio bench uio0 --trigger EDU.IRQ_RAISE=1 --ack IRQ_ACK=map0:0x24 -c 10 ${edu}`, /interrupts +10\n/],
    [
      `--sim --json vfio watch-irq 0000:00:03.0 --count 1 --trigger IRQ_RAISE=1 --ack IRQ_ACK=IRQ_STATUS ${edu}`,
      /"index":1/,
    ],
  ]);
  cliFails(3, [
    [`--sim uio watch-irq uio0 --ack IRQ_AKC=1 ${edu}`, 'IRQ_AKC: no register has this name', 'did you mean IRQ_ACK?'],
  ]);
});

describe('regs', () => {
  cliPasses([
    [
      `--sim uio regs uio0 [!]* ${edu}`.replace('[!]*', '*ST*TUS'),
      `map0:0x20  EDU.STATUS      0x00000000
          0  COMPUTING      0x0
          7  IRQ_WHEN_DONE  0x0  off
map0:0x24  EDU.IRQ_STATUS  0x00000000
`,
    ],
    [`--sim uio regs uio0 IRQ_ACK ${edu}`, 'map0:0x64  EDU.IRQ_ACK  (write-only)\n'],
    [`--sim uio regs uio0 IRQ_ACK ${edu} --read-all`, 'map0:0x64  EDU.IRQ_ACK  (write-only)\n'],
    [
      `--sim uio regs uio1 --map ${SVD}`,
      /^map0:0x0 {3}TIMER.ID {7}0x54494d01\n {8}7:0 {2}VERSION {2}0x1\nmap0:0x4 {3}TIMER.CLEARED {2}\(changed by a read\)\nmap0:0x40 {2}TIMER.ODD {6}\(no access has 24 bits\)\n$/,
    ],
    [`--sim uio regs uio1 CLEARED --read-all --map ${SVD}`, /^map0:0x4 {2}TIMER.CLEARED {2}0x[0-9a-f]{8}\n$/],
    [
      `--sim --json vfio regs 0000:00:03.0 ID ${edu}`,
      '{"schema":"udrv.regs/1","device":"0000:00:03.0","registers":[{"name":"EDU.ID","region":"bar0","offset":0,"width":4,"value":"0x010000ed","unread":null,"fields":[{"name":"MAJOR","bits":"31:24","value":"0x1","meaning":null},{"name":"MINOR","bits":"23:16","value":"0x0","meaning":null},{"name":"MAGIC","bits":"7:0","value":"0xed","meaning":"edu"}]}]}\n',
    ],
  ]);
  cliFails(2, [
    ['--sim uio regs uio0', 'uio0: no map names its registers', 'give --map FILE, or keep one with udrv map add'],
  ]);
  cliFails(3, [[`--sim uio regs uio0 NONE* ${edu}`, 'NONE*: no register has a name like this']]);
});

describe('describe', () => {
  test('draws the bits of a register in 80 columns', async () => {
    const { stdout, exit } = await udrv(`describe STATUS ${edu}`);
    expect(exit).toBe(0);
    expect(stdout).toBe(`EDU.STATUS
  at 0x20, 32 bits, read-write

 31  30  29  28  27  26  25  24  23  22  21  20  19  18  17  16
+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+
| . | . | . | . | . | . | . | . | . | . | . | . | . | . | . | . |
+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+
 15  14  13  12  11  10  9   8   7   6   5   4   3   2   1   0
+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+
| . | . | . | . | . | . | . | . |IRQ| . | . | . | . | . | . |COM|
+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+---+

      7  IRQ_WHEN_DONE
           0x0 off
           0x1 on

      0  COMPUTING  (read-only)
`);
  });

  test('of every register no line is wider', async () => {
    for (const name of ['ID', 'LIVENESS', 'DMA_COMMAND', 'IRQ_ACK']) {
      const { stdout } = await udrv(`describe ${name} ${edu}`);
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    }
  });

  cliPasses([
    [
      `--json describe ID.MAGIC ${edu}`,
      /"name":"EDU.ID.MAGIC","peripheral":"EDU","address":"0x0","offset":0,"bits":32,.*"values":\[\{"name":"edu","value":"0xed"/,
    ],
  ]);
  cliFails(2, [['describe ID', 'describe: no map', 'give --map FILE']]);
});

test('names of a hostile map do not reach the terminal', async () => {
  const shown = await Promise.all(
    [
      ['--sim', 'uio', 'regs', 'uio0', '--map', HOSTILE],
      ['--sim', '--json', 'uio', 'regs', 'uio0', '--map', HOSTILE],
      ['describe', 'R\u009b31m', '--map', HOSTILE],
      ['--sim', 'uio', 'write', 'uio0', 'R\u009b31m.\u202eF', '1', '--map', HOSTILE],
      ['--sim', 'uio', 'read', 'uio0', 'R\u009b31', '--map', HOSTILE],
    ].map((line) => udrv(line)),
  );
  for (const { stdout, stderr } of shown) expect(stdout + stderr).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
  expect(shown[0]?.stdout).toContain('P\\x1b[2J.R\\x9b31m');
  expect(shown.map(({ exit }) => exit)).toEqual([0, 0, 0, 0, 3]);
});

describe('maps that are kept', () => {
  const config = join(dir, 'config');
  const env = { XDG_CONFIG_HOME: config };
  const run = async (line: string) => {
    const { stdout, stderr, exit } = await udrv(line, { env, cwd: dir });
    return [exit, stdout + stderr];
  };

  test('name the registers of every device of their kind', async () => {
    copyFileSync(EDU, join(dir, 'edu.json'));
    expect(await run('-n map add 1234:11E8 edu.json')).toEqual([
      0,
      `keep ${dir}/edu.json for 1234:11e8 in ${config}/udrv/maps.json\n`,
    ]);
    expect(await run('map list')).toEqual([0, '']);
    expect(await run('map add 1234:11E8 edu.json')).toEqual([0, '']);
    expect(await run('map add udrv,timer timer.svd#TIMER')).toEqual([0, '']);
    expect(await run('map list')).toEqual([
      0,
      `KIND        MAP\n1234:11e8   ${dir}/edu.json\nudrv,timer  ${dir}/timer.svd#TIMER\n`,
    ]);
    expect(statSync(join(config, 'udrv/maps.json')).mode & 0o777).toBe(0o600);
    expect(await run('--sim uio read uio0 ID')).toEqual([0, '0x010000ed\n']);
    expect(await run('--sim vfio read 0000:00:03.0 ID.MAGIC')).toEqual([0, '0xed\n']);
    // That of the command line is the one that counts.
    expect(await run(`--sim uio read uio0 edu_id --map ${CSV}`)).toEqual([0, '0x010000ed\n']);
    expect(await run('-n map remove 1234:11e8')).toEqual([
      0,
      `remove the map for 1234:11e8 from ${config}/udrv/maps.json\n`,
    ]);
    expect(await run('map remove 1234:11e8')).toEqual([0, '']);
    expect(await run('map remove 1234:11e8')).toEqual([
      3,
      'udrv: 1234:11e8: no map is kept for it\nhint: udrv map list shows those that are\n',
    ]);
    expect(JSON.parse(readFileSync(join(config, 'udrv/maps.json'), 'utf8'))).toEqual({
      schema: 'udrv.maps/1',
      maps: { 'udrv,timer': `${dir}/timer.svd#TIMER` },
    });
  });

  test('what cannot be kept, and a file that is damaged', async () => {
    expect(await run('map add a/b edu.json')).toEqual([2, expect.stringContaining('a/b: is no kind of device')]);
    expect(await run('map add 1234:11e8 none.svd')).toEqual([3, expect.stringContaining('none.svd: no such file')]);
    expect(await run('map add 1234:11e8 edu.json#NONE')).toEqual([
      3,
      expect.stringContaining('has no peripheral NONE'),
    ]);
    const broken = join(dir, 'broken');
    mkdirSync(join(broken, 'udrv'), { recursive: true });
    writeFileSync(join(broken, 'udrv/maps.json'), '{"schema":');
    const { stderr, exit } = await udrv('map list', { env: { XDG_CONFIG_HOME: broken } });
    expect({ stderr, exit }).toEqual({ exit: 2, stderr: expect.stringContaining('is damaged: it has no maps') });
    const none = await udrv('map list');
    expect(none).toMatchObject({ exit: 2, stderr: expect.stringContaining('no directory for configuration') });
  });
});
