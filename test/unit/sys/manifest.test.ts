import fc from 'fast-check';
import { UdrvError } from '../../../src/errors';
import { formatManifest, MANIFEST_LIMITS, type ManifestEntry, parseManifest } from '../../../src/sys/tree/manifest';
import { anyText } from '../../support/any-text';

const parse = (text: string, limits = MANIFEST_LIMITS) => parseManifest(Buffer.from(text), 'm.snapshot', limits);

/** A whole manifest of these lines. */
const whole = (...lines: string[]) => `# udrv snapshot 1\n${[...lines, `# end ${lines.length}`].join('\n')}\n`;

function failure(body: () => unknown): UdrvError {
  try {
    body();
  } catch (error) {
    if (error instanceof UdrvError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const file = (path: string, content: string | Buffer): ManifestEntry => ({
  path,
  kind: 'file',
  content: Buffer.from(content as string),
});

describe('the format', () => {
  const entries: ManifestEntry[] = [
    { path: '/dev/uio0', kind: 'node', access: 'rw' },
    { path: '/dev/uio1', kind: 'node', access: 'none', permissions: { mode: 0o660, uid: 0, gid: 46 } },
    { path: '/sys/a/driver', kind: 'link', target: '../../bus/pci/drivers/vfio-pci' },
    file('/sys/a/bConfigurationValue', ''),
    file('/sys/a/config', Buffer.from('86800c150a', 'hex')),
    file('/sys/a/configuration', '\n'),
    file('/sys/a/manufacturer', 'Grüße\n'),
    file('/sys/a/power', '5 mW \n'),
    file('/sys/a/product', '\x1b[31m\xa0\u202e\\\n'),
    { path: '/sys/a/serial', kind: 'error', code: 'EACCES' },
    file('/sys/a/uevent', 'A=1\nB=\t2\n'),
    file('/sys/a/vendor', '0x8086\n'),
    file('/sys/a/without newline', '1'),
    file('/sys/a/wrong', Buffer.from('fffe0a', 'hex')),
    { path: '/sys/b', kind: 'dir' },
  ];
  const text =
    String.raw`# udrv snapshot 1
/dev/uio0 @ rw
/dev/uio1 @ none 0660 0:46
/sys/a/bConfigurationValue :
/sys/a/config = \x86\x80\x0c\x15
/sys/a/configuration =
/sys/a/driver -> ../../bus/pci/drivers/vfio-pci
/sys/a/manufacturer = Grüße
/sys/a/power = 5 mW\x20
/sys/a/product = \x1b[31m` +
    '\xa0' +
    String.raw`\xe2\x80\xae\\
/sys/a/serial ! EACCES
/sys/a/uevent = A=1\nB=\t2
/sys/a/vendor = 0x8086
/sys/a/without\x20newline : 31
/sys/a/wrong = \xff\xfe
/sys/b /
# end 15
`;

  test('is written so that people can read it', () => {
    expect(formatManifest(entries)).toBe(text);
  });

  test('is read as it was written', () => {
    const sorted = [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
    expect(parse(text)).toEqual(sorted);
  });

  test('is written by hand as well: in any order, with comments, blank lines and upper case digits', () => {
    const lines = ['', '# by hand', '/sys/b : AbCD', '   ', '/sys/a/x = 1', '# end of it', '# end 2', ''];
    expect(parse(`# udrv snapshot 1\n${lines.join('\n')}`)).toEqual([
      file('/sys/a/x', '1\n'),
      file('/sys/b', Buffer.from('abcd', 'hex')),
    ]);
  });

  test('tells an empty file from a newline, and keeps blanks', () => {
    expect(parse(whole('/sys/a :', '/sys/b =', '/sys/c = ', '/sys/d =  x', '/sys/e : '))).toEqual([
      file('/sys/a', ''),
      file('/sys/b', '\n'),
      file('/sys/c', '\n'),
      file('/sys/d', ' x\n'),
      file('/sys/e', ''),
    ]);
  });

  test('has entries below a directory that cannot be listed', () => {
    expect(parse(whole('/proc/1 ! EACCES', '/proc/1/x = 1'))).toHaveLength(2);
  });

  test.each([
    ['a path that udrv never looks at', file('/home/x', '')],
    ['a path with dots', file('/sys/../x', '')],
    ['a content that is too long', file('/sys/x', Buffer.alloc(MANIFEST_LIMITS.content + 1))],
    ['no errno', { path: '/sys/x', kind: 'error', code: 'ENOSUCH' } as const],
    ['a link to nowhere', { path: '/sys/x', kind: 'link', target: '' } as const],
  ])('is not written with %s', (_, entry) => {
    expect(() => formatManifest([entry])).toThrow(RangeError);
  });
});

describe('whatever was recorded', () => {
  const component = anyText({ minLength: 1, maxLength: 12 }).filter(
    (name) => !/[\0/]/.test(name) && name !== '.' && name !== '..',
  );
  const path = fc
    .tuple(fc.constantFrom('/sys', '/proc', '/dev', '/usr/share', '/var/lib', '/etc', '/run'), fc.array(component))
    .map(([root, components]) => [root, ...components].join('/'));
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array)),
    anyText().map((text) => Buffer.from(`${text}\n`)),
    fc.string().map((text) => Buffer.from(`${text}\n`)),
  );
  const entry: fc.Arbitrary<ManifestEntry> = path.chain((path) =>
    fc.oneof(
      bytes.map((content) => ({ path, kind: 'file', content }) as const),
      anyText({ minLength: 1 })
        .filter((target) => !target.includes('\0'))
        .map((target) => ({ path, kind: 'link', target }) as const),
      fc.constantFrom('rw', 'r', 'none').map((access) => ({ path, kind: 'node', access }) as const),
      fc
        .record({ mode: fc.nat(0o777), uid: fc.nat(), gid: fc.nat() })
        .map((permissions) => ({ path, kind: 'node', access: 'none', permissions }) as const),
      fc.constantFrom('EACCES', 'EIO', 'EREMOTEIO').map((code) => ({ path, kind: 'error', code }) as const),
      fc.constant({ path, kind: 'dir' } as const),
    ),
  );
  /** Sorted, each path once, nothing below a leaf. */
  const entries = fc.array(entry, { maxLength: 20 }).map((all) => {
    const kept: ManifestEntry[] = [];
    for (const entry of all.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0)))
      if (
        !kept.some(
          ({ path, kind }) =>
            path === entry.path || (kind !== 'dir' && kind !== 'error' && entry.path.startsWith(`${path}/`)),
        )
      )
        kept.push(entry);
    return kept;
  });

  test('comes back the same', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (entries, seed) => {
        const shuffled = [...entries].sort((a, b) => ((a.path.length * seed) % 7) - ((b.path.length * seed) % 7));
        const text = formatManifest(shuffled);
        const parsed = parse(text);
        expect(parsed).toEqual(entries);
        expect(formatManifest(parsed)).toBe(text);
      }),
    );
  });

  test('is one printable line for each entry, without a blank at its end', () => {
    fc.assert(
      fc.property(entries, (entries) => {
        const lines = formatManifest(entries).split('\n');
        expect(lines).toHaveLength(entries.length + 3);
        for (const line of lines) expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]| $/u);
      }),
    );
  });

  test('is refused when any part of its end is missing', () => {
    fc.assert(
      fc.property(entries, fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), (entries, part) => {
        const data = Buffer.from(formatManifest(entries));
        const cut = data.subarray(0, Math.floor(data.length * part));
        expect(failure(() => parseManifest(cut, 'm'))).toMatchObject({ exit: 2 });
      }),
    );
  });

  test('is read or refused whatever was done to it', () => {
    fc.assert(
      fc.property(entries, fc.array(fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 6 }))), (entries, edits) => {
        let data = Buffer.from(formatManifest(entries));
        for (const [at, bytes] of edits) {
          const start = at % data.length;
          data = Buffer.concat([data.subarray(0, start), bytes, data.subarray(start + bytes.length)]);
        }
        try {
          parseManifest(data, 'm');
        } catch (error) {
          expect(error).toBeInstanceOf(UdrvError);
          expect(error).toMatchObject({ exit: 2, subject: expect.stringMatching(/^m:\d+$/) });
        }
      }),
    );
  });
});

describe('a file that is no manifest is refused with the line and the reason:', () => {
  const long = `/sys/${'a/'.repeat(2100)}b`;
  test.each([
    ['nothing', '', 1, 'the first line must be'],
    ['something else', '\x7fELF', 1, 'the first line must be'],
    ['a later version', '# udrv snapshot 2\n# end 0\n', 1, 'the first line must be'],
    ['DOS lines', '# udrv snapshot 1\r\n# end 0\r\n', 1, 'carriage returns'],
    ['only the header', '# udrv snapshot 1\n', 1, 'no end marker'],
    ['cut at a line', '# udrv snapshot 1\n/sys/a = 1\n', 2, 'no end marker'],
    ['cut in a line', '# udrv snapshot 1\n/sys/a = 1\n/sys/b', 3, 'its last line does not end'],
    ['cut in the end marker', '# udrv snapshot 1\n/sys/a = 1\n# end 1', 3, 'its last line does not end'],
    ['a line missing', '# udrv snapshot 1\n/sys/a = 1\n# end 2\n', 3, '1 entries, and the end marker says 2'],
    ['two in one', `${whole('/sys/a = 1')}${whole('/sys/b = 1')}`, 4, 'after the end marker'],
    ['a huge claim', '# udrv snapshot 1\n# end 999999999999999\n', 2, 'not whole'],
    ['a relative path', whole('sys/a = 1'), 2, 'not an absolute path'],
    ['the root', whole('/ /'), 2, 'component'],
    ['..', whole('/sys/../etc/passwd = 1'), 2, 'component'],
    ['.. at the end', whole('/sys/..'), 2, 'component'],
    ['.', whole('/sys/./a = 1'), 2, 'component'],
    ['//', whole('/sys//a = 1'), 2, 'component'],
    ['a slash at the end', whole('/sys/a/ /'), 2, 'component'],
    ['.. in escapes', whole('/sys/\\x2e\\x2e/a = 1'), 2, 'component'],
    ['a slash in escapes', whole('/sys\\x2f\\x2fa = 1'), 2, 'component'],
    ['a path elsewhere', whole('/home/user/.ssh/id = 1'), 2, 'not below'],
    ['a path like /sys', whole('/system/a = 1'), 2, 'not below'],
    ['a path too long', whole(`${long} = 1`), 2, 'longer than 4095'],
    ['a NUL in escapes', whole('/sys/a\\x00b = 1'), 2, 'NUL'],
    ['a NUL', whole('/sys/a = \0'), 2, 'control character, which must be written as `\\x00`'],
    ['a terminal sequence', whole('/sys/a = \x1b[2J'), 2, '`\\x1b`'],
    ['a carriage return', whole('/sys/a = 1\r'), 2, '`\\x0d`'],
    ['no operator', whole('/sys/a'), 2, 'after the path'],
    ['another operator', whole('/sys/a == 1'), 2, 'after the path'],
    ['no blank', whole('/sys/a =1'), 2, 'after the path'],
    ['half a byte', whole('/sys/a : 123'), 2, 'pairs of hex digits'],
    ['no digits', whole('/sys/a : 0x12'), 2, 'pairs of hex digits'],
    ['blanks between digits', whole('/sys/a : 12 34'), 2, 'pairs of hex digits'],
    ['an escape of C', whole('/sys/a = \\0'), 2, 'is not an escape'],
    ['half an escape', whole('/sys/a = \\x1'), 2, 'is not an escape'],
    ['no hex escape', whole('/sys/a = \\x1g'), 2, 'is not an escape'],
    ['a backslash at the end', whole('/sys/a = \\'), 2, 'is not an escape'],
    ['a backslash at the end of a path', whole('/sys/a\\ = 1'), 2, 'is not an escape'],
    ['a path that is no text', whole('/sys/\\xff = 1'), 2, 'not UTF-8'],
    ['a target that is no text', whole('/sys/a -> \\xff'), 2, 'not UTF-8'],
    ['no target', whole('/sys/a ->'), 2, 'without a target'],
    ['a target with a NUL', whole('/sys/a -> a\\x00'), 2, 'NUL'],
    ['a target too long', whole(`/sys/a -> ${long}`), 2, 'longer than 4095'],
    ['an access', whole('/dev/a @ wr'), 2, '`rw`, `r` or `none`'],
    ['a mode', whole('/dev/a @ rw 660 0:0'), 2, '`0660 0:46`'],
    ['an owner', whole('/dev/a @ rw 0660 root:root'), 2, '`0660 0:46`'],
    ['an errno', whole('/sys/a ! ENOSUCH'), 2, '`ENOSUCH` is not the name of an errno'],
    ['no errno', whole('/sys/a !'), 2, 'is not the name of an errno'],
    ['an inherited name', whole('/sys/a ! constructor'), 2, 'is not the name of an errno'],
    ['text after a directory', whole('/sys/a / x'), 2, 'text after'],
    ['a path twice', whole('/sys/a = 1', '/sys/b = 1', '/sys/a = 2'), 4, 'listed twice, first in line 2'],
    ['a directory twice', whole('/sys/a /', '/sys/a /'), 3, 'listed twice'],
    ['an entry below a file', whole('/sys/a = 1', '/sys/a-b = 1', '/sys/a/b = 1'), 4, 'not a directory in line 2'],
    ['an entry far below a node', whole('/dev/a/b/c = 1', '/dev/a @ rw'), 2, 'not a directory in line 3'],
    ['an entry below a link', whole('/sys/a -> b', '/sys/a/b = 1'), 3, 'not a directory in line 2'],
  ])('%s', (_, text, line, message) => {
    const error = failure(() => parse(text));
    expect(error).toMatchObject({ exit: 2, code: 'EUSAGE', subject: `m.snapshot:${line}` });
    expect(error.message).toContain(message);
  });

  test('bytes that are no text', () => {
    const data = Buffer.concat([Buffer.from('# udrv snapshot 1\n/sys/a = 1\n/sys/b = '), Buffer.from([0xff, 0x0a])]);
    expect(failure(() => parseManifest(data, 'm'))).toMatchObject({ subject: 'm:3', exit: 2 });
  });

  test.each([
    ['a content too long', whole('/sys/a : 0102', '/sys/b : 010203'), 3, '3 bytes, more than 2'],
    ['a text too long', whole('/sys/b = 12'), 2, '3 bytes, more than 2'],
    ['a line too long', whole(`/sys/b = ${'\\x41'.repeat(5000)}`), 2, 'line is longer'],
    ['too many entries', whole(...'123456'.split('').map((n) => `/sys/${n} /`)), 7, 'more than 5 entries'],
    ['too many directories', whole('/sys/a /', '/sys/b/c/d/e /'), 3, 'more than 5 entries and directories'],
  ])('%s', (_, text, line, message) => {
    const error = failure(() => parse(text, { file: 1e6, content: 2, entries: 5 }));
    expect(error).toMatchObject({ exit: 2, subject: `m.snapshot:${line}` });
    expect(error.message).toContain(message);
  });

  test('a file too long', () => {
    const error = failure(() => parse(whole('/sys/a = 1'), { ...MANIFEST_LIMITS, file: 30 }));
    expect(error).toMatchObject({ exit: 2, message: 'the file is larger than 30 bytes' });
  });

  test('what it holds is shown short and without control characters', () => {
    const path = `/sys/\\x1b[2J${'x'.repeat(3000)}`;
    const { message } = failure(() => parse(whole(`${path} = 1`, `${path} = 1`)));
    expect(message).toContain('`/sys/\\x1b[2Jxxx');
    expect(message.length).toBeLessThan(200);
  });
});
