import { SysError, UdrvError } from '../../../src/errors';
import type { Sys } from '../../../src/sys/sys';
import { inspectionOnly } from '../../../src/sys/tree/inspection-only';
import { MemoryTree } from '../../../src/sys/tree/memory-tree';

const tree = new MemoryTree();
tree.set('/sys/a', { kind: 'file', read: () => Buffer.from('1\n') });
tree.set('/sys/link', { kind: 'link', target: 'a' });
tree.set('/dev/uio0', { kind: 'node', access: 'rw' });
const machine = inspectionOnly(tree, {
  message: 'a recorded machine can only be inspected',
  hint: 'use the machine itself',
});

function failure(body: () => unknown): unknown {
  try {
    body();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

test('reads what the tree has', () => {
  expect(machine.readFile('/sys/link').toString()).toBe('1\n');
  expect(failure(() => machine.readFile('/sys/a', 1))).toEqual(new SysError('read', 'EFBIG', '/sys/a'));
  expect(machine.readDir('/sys')).toEqual(['a', 'link']);
  expect(machine.readLink('/sys/link')).toBe('a');
  expect(machine.access('/dev/uio0')).toBe('rw');
  expect(machine.pageSize).toBe(4096);
});

const calls: [string, (sys: Sys) => unknown, string][] = [
  ['open', (sys) => sys.open('/dev/uio0', { write: true }), '/dev/uio0'],
  ['writeFile', (sys) => sys.writeFile('/sys/x/driver_override', 'x'), '/sys/x/driver_override'],
  ['replaceFile', (sys) => sys.replaceFile('/etc/udev/rules.d/x', 'x'), '/etc/udev/rules.d/x'],
  ['removeFile', (sys) => sys.removeFile('/etc/udev/rules.d/x'), '/etc/udev/rules.d/x'],
  ['close', (sys) => sys.close(3), 'descriptor 3'],
  ['read', (sys) => sys.read(3, Buffer.alloc(4)), 'descriptor 3'],
  ['write', (sys) => sys.write(3, Buffer.alloc(4)), 'descriptor 3'],
  ['pread', (sys) => sys.pread(3, Buffer.alloc(4), 0), 'descriptor 3'],
  ['pwrite', (sys) => sys.pwrite(3, Buffer.alloc(4), 0), 'descriptor 3'],
  ['ioctl', (sys) => sys.ioctl(3, 0x3b64, 0), 'descriptor 3'],
  ['mmap', (sys) => sys.mmap(3, 4096, true, 0), 'descriptor 3'],
  ['eventfd', (sys) => sys.eventfd(), 'eventfd'],
  ['poll', (sys) => sys.poll(3, 0), 'descriptor 3'],
  ['watch', (sys) => sys.watch(3, () => {}), 'descriptor 3'],
];
test.each(calls)('refuses %s', (_, call, subject) => {
  const error = failure(() => call(machine));
  expect(error).toBeInstanceOf(UdrvError);
  expect(error).toMatchObject({
    exit: 2,
    subject,
    message: 'a recorded machine can only be inspected',
    hint: 'use the machine itself',
  });
});
