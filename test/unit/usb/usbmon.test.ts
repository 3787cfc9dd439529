import fc from 'fast-check';
import { SysError } from '../../../src/errors';
import { parseUsbmonLine, UsbTraffic } from '../../../src/usb/usbmon';
import { TreeSys } from '../../support/tree-sys';

test.each([
  ['ffff88 3575914555 C Ci:1:003:0 0 4 = 01050000', '1/3', 4],
  ['ffff88 3575914560 C Bi:2:014:1 -121 31 = 55534253 5e000000', '2/14', 31],
  ['ffff88 3575914560 C Bo:2:014:2 0 65536 >', '2/14', 65536],
  ['ffff88 3575914560 C Co:1:003:0 0 0', '1/3', 0],
  ['ffff88 3575914560 C Ii:1:001:1 -2:2048 0', '1/1', 0],
  ['ffff88 3575914560 C Ii:1:009:1 0:8 8 = 00001c00 00000000', '1/9', 8],
  ['ffff88 3575914560 C Zi:3:005:2 0:8:1234:0 2 0:0:188 0:512:188 376 D', '3/5', 376],
])('%s', (line, place, bytes) => {
  expect(parseUsbmonLine(line)).toEqual({ place, bytes });
  expect(parseUsbmonLine(`${line}\n`)).toEqual({ place, bytes });
});

test.each([
  'ffff88 3575914560 S Bo:2:014:2 -115 31 = 55534243',
  'ffff88 3575914560 E Bo:2:014:2 -28 0',
  'ffff88 3575914560 C Xo:2:014:2 0 31 >',
  '',
  'nonsense',
])('%s is no end of a transfer', (line) => {
  expect(parseUsbmonLine(line)).toBeNull();
});

test('whatever a line says, it is a number of bytes or nothing', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('C', 'Bi:1:002:1', '0', '512', '=', '<', ' '));
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const ended = parseUsbmonLine(`ff 1 C ${words.join(' ')}`);
      if (ended !== null) expect(ended.bytes).toBeGreaterThanOrEqual(0);
    }),
  );
});

describe('the traffic', () => {
  const EVENTS = '/sys/kernel/debug/usb/usbmon/0u';

  /** A kernel that has these lines for whoever reads, an event for each read, and has dropped some. */
  class Kernel extends TreeSys {
    lines: string[] = [];
    lost = 0;
    closed = 0;

    override open(path: string): number {
      if (path !== EVENTS) throw new SysError('open', 'ENOENT', path);
      return 5;
    }

    override close(): void {
      this.closed++;
    }

    override read(_fd: number, buffer: Buffer): number {
      const line = this.lines.shift();
      if (line === undefined) throw new SysError('read', 'EAGAIN', EVENTS);
      return buffer.write(`${line}\n`);
    }

    override access(path: string) {
      return path === EVENTS ? 'r' : super.access(path);
    }

    override readFile(path: string): Buffer {
      return path.endsWith('/0s') ? Buffer.from(`nreaders 1 events 9 text_lost ${this.lost}\n`) : super.readFile(path);
    }
  }

  test('is summed by device, given once, and not known where events were lost', () => {
    const kernel = new Kernel();
    const traffic = UsbTraffic.open(kernel);
    kernel.lines = [
      'a 1 C Bi:1:003:1 0 512 <',
      'a 2 S Bi:1:003:1 -115 512 <',
      'a 3 C Bi:1:003:1 0 10 <',
      'a 4 C Co:2:001:0 0 0',
    ];
    expect(traffic?.take()).toEqual(
      new Map([
        ['1/3', 522],
        ['2/1', 0],
      ]),
    );
    expect(traffic?.take()).toEqual(new Map());
    kernel.lost = 3;
    expect(traffic?.take()).toBeNull();
    expect(traffic?.take()).toEqual(new Map());
    traffic?.[Symbol.dispose]();
    expect(kernel.closed).toBe(1);
  });

  test('is nothing where there is no usbmon', () => {
    expect(UsbTraffic.open(new TreeSys())).toBeNull();
  });
});
