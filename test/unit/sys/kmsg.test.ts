import { SysError } from '../../../src/errors';
import { parseRecord, readKernelLog } from '../../../src/sys/readers/kmsg';
import { TreeSys } from '../../support/tree-sys';

const record = (time: number, text: string) => `6,339,${time},-;${text}\n SUBSYSTEM=pci\n DEVICE=+pci:0000:00:09.0\n`;

/** A log of which each read gives a record, or fails. */
class Log extends TreeSys {
  readonly #reads: string[];
  closed = 0;

  constructor(reads: string[]) {
    super();
    this.#reads = reads;
  }

  override open(): number {
    return 5;
  }

  override close(): void {
    this.closed++;
  }

  override read(_fd: number, buffer: Buffer): number {
    const next = this.#reads.shift() ?? 'EAGAIN';
    if (/^E[A-Z]+$/.test(next)) throw new SysError('read', next, '/dev/kmsg');
    return buffer.write(next);
  }
}

test('records up to the end, past what was overwritten', () => {
  const log = new Log(['EPIPE', record(10, 'one'), 'nonsense', record(20, 'two; of it')]);
  expect(readKernelLog(log)).toEqual([
    { time: 10, text: 'one' },
    { time: 20, text: 'two; of it' },
  ]);
  expect(log.closed).toBe(1);
});

test('a log that may not be read is empty', () => {
  expect(readKernelLog(new Log(['EPERM']))).toEqual([]);
  const closed = new Log([]);
  closed.open = () => {
    throw new SysError('open', 'EACCES', '/dev/kmsg');
  };
  expect(readKernelLog(closed)).toEqual([]);
});

test('what follows the first line are properties', () => {
  expect(parseRecord(record(5, 'vfio-pci 0000:00:09.0: probe failed'))).toEqual({
    time: 5,
    text: 'vfio-pci 0000:00:09.0: probe failed',
  });
  expect(parseRecord('6,1,77,c,caller=T1;')).toEqual({ time: 77, text: '' });
  expect(parseRecord('6,1;text')).toBeNull();
});
