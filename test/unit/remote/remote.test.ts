import fc from 'fast-check';
import { AnswerReader, errnoOf } from '../../../src/remote/answers';
import { listedBy, RemoteTree } from '../../../src/remote/tree';

const code = (read: () => unknown) => {
  try {
    read();
  } catch (error) {
    return (error as { code?: string }).code;
  }
  return undefined;
};
const answer = (text: string, status = 'OK') => ({ content: Buffer.from(text), status });

describe('answers', () => {
  const MARK = '0123456789abcdef';
  const framed = (content: Buffer, status: string) => Buffer.concat([content, Buffer.from(`\n${MARK} ${status}\n`)]);

  test('come out as they went in, however they are cut', () => {
    const answers = fc.array(
      fc.record({
        content: fc.uint8Array({ maxLength: 40_000 }),
        status: fc.constantFrom('OK', 'ENOENT', '? I/O error'),
      }),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(answers, fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(({ content, status }) => framed(Buffer.from(content), status)));
        const reader = new AnswerReader(MARK);
        const got: { content: Buffer; status: string }[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const length = cuts[i % cuts.length] ?? 1;
          reader.add(bytes.subarray(at, at + length));
          at += length;
          for (let next = reader.next(); next !== null; next = reader.next()) got.push(next);
        }
        expect(got).toEqual(sent.map(({ content, status }) => ({ content: Buffer.from(content), status })));
        expect(reader.waiting).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('that are anything at all cost no more than they are long', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 5000 }), { maxLength: 20 }), (chunks) => {
        const reader = new AnswerReader('m');
        for (const chunk of chunks) {
          reader.add(Buffer.from(chunk));
          for (let next = reader.next(); next !== null; next = reader.next())
            expect(next.status.length).toBeLessThanOrEqual(256);
        }
      }),
    );
  });

  test('have a status that ends, or is cut', () => {
    const reader = new AnswerReader('m');
    reader.add(Buffer.from(`\nm ${'x'.repeat(1000)}`));
    expect(reader.next()?.status).toHaveLength(256);
  });

  test.each([
    ['ENOENT', 'ENOENT'],
    ['? Input/output error', 'EIO'],
    ['? I/O error', 'EIO'],
    ['? No such device', 'ENODEV'],
    ['? Operation not permitted', 'EPERM'],
    ['? Permission denied', 'EACCES'],
    ['? \x1b[2J', 'EIO'],
    ['EVIL IS HERE', 'EIO'],
  ])('of an error: %j is %s', (status, errno) => expect(errnoOf(status)).toBe(errno));
});

describe('the tree of a host', () => {
  test('asks for what it does not know, and then knows it', () => {
    const tree = new RemoteTree();
    expect(code(() => tree.readFile('/sys/a/vendor'))).toBe('ENODATA');
    expect(code(() => tree.readFile('/sys/a/config'))).toBe('ENODATA');
    expect(code(() => tree.readDir('/sys/a'))).toBe('ENODATA');
    expect(code(() => tree.readLink('/sys/a/driver'))).toBe('EINVAL');
    expect(tree.access('/dev/uio0')).toBeNull();
    expect(tree.permissions('/dev/uio0')).toBeNull();
    const asked = [
      'T /sys/a/vendor',
      'F /sys/a/config',
      'D /sys/a',
      'L /sys/a/driver',
      'A /dev/uio0',
      'P /dev/uio0',
    ] as const;
    expect(tree.questions).toEqual(asked);
    const answers = ['0x8086\n', '\0\xff', 'vendor/\na b/\n', '../drivers/x', '', 'crw-rw-r-T+ 1 0 46 ... /dev/uio0'];
    for (const [i, question] of asked.entries()) tree.learn(question, answer(answers[i] ?? '', i === 4 ? 'rw' : 'OK'));
    tree.begin();
    expect(`${tree.readFile('/sys/a/vendor')}`).toBe('0x8086\n');
    expect(tree.readDir('/sys/a')).toEqual(['vendor', 'a b']);
    expect(tree.readLink('/sys/a/driver')).toBe('../drivers/x');
    expect(tree.access('/dev/uio0')).toBe('rw');
    expect(tree.permissions('/dev/uio0')).toEqual({ mode: 0o664, uid: 0, gid: 46 });
    expect(tree.isIncomplete).toBe(false);
  });

  test('never asks for processes, nor for a path that is no line', () => {
    const tree = new RemoteTree();
    expect(code(() => tree.readDir('/proc'))).toBe('ENODATA');
    expect(code(() => tree.readFile('/sys/a\nF /etc/shadow'))).toBe('ENOENT');
    expect(tree.questions).toEqual([]);
  });

  test('has no name with a slash, and no file beyond a limit', () => {
    const tree = new RemoteTree();
    tree.learn('D /sys', answer('../../etc/\n/\nok/\n'));
    tree.learn('T /sys/big', answer('x'.repeat(10)));
    expect(tree.readDir('/sys')).toEqual(['ok']);
    expect(code(() => tree.readFile('/sys/big', 5))).toBe('EFBIG');
  });
});

test('lines of ls are found by their paths', () => {
  const lines = [
    'lrwxrwxrwx 1 0 0 0 Nov 29 19:33 /sys/a -> ../b -> c',
    'lrwxrwxrwx    1 0        0                0 Nov 29 19:33 /sys/x -> y -> z',
    'crw-rw---- 1 0 107 510, 196 Nov 29 19:33 /dev/vfio/vfio',
    'nonsense',
    ' /sys/unasked -> x',
  ].join('\n');
  const found = listedBy(lines, ['/sys/a', '/sys/x -> y', '/dev/vfio/vfio']);
  expect([...found].map(([path, { target }]) => [path, target])).toEqual([
    ['/sys/a', '../b -> c'],
    ['/sys/x -> y', 'z'],
    ['/dev/vfio/vfio', ''],
  ]);
});
