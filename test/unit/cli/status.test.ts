import fc from 'fast-check';
import { type LiveFacts, liveText } from '../../../src/cli/interrupts/live';
import type { OutputStream } from '../../../src/cli/output/stream';
import { counted, durationText, MEBIBYTES, Progress, progressText, SECONDS } from '../../../src/cli/status/progress';
import { sparkline } from '../../../src/cli/status/sparkline';
import { StatusLine } from '../../../src/cli/status/status-line';
import { Waiting, waitingText } from '../../../src/cli/status/waiting';

const ERASE = '\r\x1b[K';

/** Two streams that share a terminal, and all that they were given. */
class Terminal {
  shown = '';
  broken = false;
  readonly stdout = this.#stream(1, true);
  readonly stderr = this.#stream(2, true);
  readonly file = this.#stream(1, false);

  #stream(fd: number, isTTY: boolean): OutputStream {
    const stream = {
      fd,
      isTTY,
      beforeWrite: undefined as (() => void) | undefined,
      write: (text: string) => {
        stream.beforeWrite?.();
        if (this.broken) throw new Error('gone');
        this.shown += isTTY ? text : '';
      },
    };
    return stream as unknown as OutputStream;
  }

  line({ wanted = true, stdout = this.stdout, columns = '80' } = {}): StatusLine {
    return new StatusLine(stdout, this.stderr, { COLUMNS: columns }, wanted);
  }

  /** Returns what was shown since the last call. */
  taken(): string {
    const { shown } = this;
    this.shown = '';
    return shown;
  }
}

let terminal: Terminal;
beforeEach(() => {
  terminal = new Terminal();
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

describe('the status line', () => {
  test('is taken away before either stream writes, and once', () => {
    const line = terminal.line();
    line.show('half');
    expect(terminal.taken()).toBe(`${ERASE}half`);
    line.show('half');
    expect(terminal.taken()).toBe('');
    terminal.stdout.write('data\n');
    expect(terminal.taken()).toBe(`${ERASE}data\n`);
    line.show('whole');
    terminal.stderr.write('note\n');
    terminal.stdout.write('data\n');
    line.hide();
    expect(terminal.taken()).toBe(`${ERASE}whole${ERASE}note\ndata\n`);
  });

  test('stays while data goes to a file', () => {
    const line = terminal.line({ stdout: terminal.file });
    line.show('half');
    terminal.file.write('data');
    expect(terminal.taken()).toBe(`${ERASE}half`);
  });

  test('is cut to the width', () => {
    terminal.line({ columns: '5' }).show('▁▂▃▄▅▆▇█');
    expect(terminal.taken()).toBe(`${ERASE}▁▂▃▄`);
  });

  test('is nothing where it is not wanted, or standard error is no terminal', () => {
    terminal.line({ wanted: false }).show('text');
    new StatusLine(terminal.stdout, terminal.file, {}, true).show('text');
    expect(terminal.taken()).toBe('');
  });

  test('gives up where it cannot be shown', () => {
    const line = terminal.line();
    terminal.broken = true;
    line.show('text');
    terminal.broken = false;
    line.show('more');
    line.hide();
    expect(terminal.taken()).toBe('');
  });
});

describe('waiting', () => {
  test('is said after a second without output, again after each, and not at the end', () => {
    let count = 0;
    const line = terminal.line();
    const waiting = new Waiting(line, () => waitingText('interrupts of uio0', count));
    jest.advanceTimersByTime(999);
    expect(terminal.taken()).toBe('');
    jest.advanceTimersByTime(1);
    expect(terminal.taken()).toBe(`${ERASE}waiting for interrupts of uio0; Ctrl-C ends`);
    count = 3;
    terminal.stdout.write('line\n');
    expect(terminal.taken()).toBe(`${ERASE}line\n`);
    jest.advanceTimersByTime(999);
    line.touch();
    jest.advanceTimersByTime(999);
    expect(terminal.taken()).toBe('');
    jest.advanceTimersByTime(1);
    expect(terminal.taken()).toBe(`${ERASE}waiting for interrupts of uio0 (3 so far); Ctrl-C ends`);
    waiting[Symbol.dispose]();
    jest.advanceTimersByTime(5000);
    expect(terminal.taken()).toBe(ERASE);
  });
});

describe('progress', () => {
  test('appears after a second, then five times a second at most, and goes', () => {
    const progress = new Progress(terminal.line(), { unit: MEBIBYTES, total: 64 * 2 ** 20 });
    jest.advanceTimersByTime(900);
    expect(progress.update(1)).toBe(false);
    jest.advanceTimersByTime(100);
    expect(progress.update(8 * 2 ** 20)).toBe(true);
    expect(terminal.taken()).toBe(`${ERASE}8.0 of 64.0 MiB, 8.0 MiB/s, 7 s left`);
    jest.advanceTimersByTime(199);
    expect(progress.update(9 * 2 ** 20)).toBe(false);
    jest.advanceTimersByTime(1);
    expect(progress.update(9 * 2 ** 20)).toBe(true);
    progress[Symbol.dispose]();
    expect(terminal.taken()).toMatch(/MiB.*left\r\x1b\[K$/);
  });

  test('takes no time for a text where there is no terminal, or it is not wanted', () => {
    const silent = [
      new Progress(terminal.line({ wanted: false }), { unit: SECONDS }),
      new Progress(terminal.line(), { unit: SECONDS, wanted: false }),
    ];
    jest.advanceTimersByTime(5000);
    expect(silent.map((progress) => progress.update(1))).toEqual([false, false]);
    expect(terminal.taken()).toBe('');
  });

  test.each([
    [1200, 2, { unit: counted('interrupts'), total: 100_000 }, '1200 of 100000 interrupts, 600/s, 2 min 45 s left'],
    [3, 2, { unit: counted('files'), title: 'reading' }, 'reading: 3 files, 1.5/s'],
    [0, 2, { unit: counted('mappings'), total: 10, title: '4K' }, '4K: 0 of 10 mappings, 0/s'],
    [1, 1.5, { unit: SECONDS, total: 3, title: 'queue 4' }, 'queue 4: 1.0 of 3.0 s, 3 s left'],
  ])('%d after %d s', (done, seconds, options, text) => {
    expect(progressText(done, seconds, options)).toBe(text);
  });

  test.each([
    [0, '0 s'],
    [59.2, '1 min 0 s'],
    [3599, '59 min 59 s'],
    [7320, '2 h 2 min'],
  ])('%d seconds', (seconds, text) => {
    expect(durationText(seconds)).toBe(text);
  });
});

describe('a sparkline', () => {
  test('goes from nothing to the most', () => {
    expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8], true)).toBe(' ▂▃▄▅▆▇██');
    expect(sparkline([0, 0.001, 1000], true)).toBe(' ▁█');
    expect(sparkline([0, 0.001, 1000], false)).toBe(' _#');
    expect(sparkline([], true)).toBe('');
    expect(sparkline([0, 0], true)).toBe('  ');
  });

  test('has a column for each value, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double(), fc.double({ min: 0, noNaN: true }))), (values) => {
        expect(sparkline(values, true)).toMatch(new RegExp(`^[ ▁-█]{${values.length}}$`));
      }),
    );
  });
});

describe('the line of a live watch', () => {
  const facts: LiveFacts = { name: 'uio0', rate: 81.25, missed: 2, count: 1000, p50: 812, p99: 12_345 };
  const rates = Array.from({ length: 60 }, (_, i) => i);

  test('has everything where there is room', () => {
    expect(liveText(facts, [1, 2], 100, true)).toBe(
      `uio0     81.3/s  ${' '.repeat(32)}▅█  missed 2  p50 812 us   p99 12.3 ms  1000 so far`,
    );
  });

  test('begins before there is anything to tell', () => {
    expect(liveText({ ...facts, rate: 0, missed: 0, count: 0, p50: null, p99: null }, [], 30, true)).toBe(
      'uio0      0.0/s  missed 0',
    );
  });

  test('loses the least first', () => {
    const at = (width: number) => liveText(facts, rates, width, false);
    expect(at(70)).toMatch(/^uio0 +81\.3\/s {2}\S{9,} {2}missed 2 {2}p50 812 us +p99 12\.3 ms$/);
    expect(at(48)).toBe('uio0     81.3/s  missed 2  p50 812 us');
    expect(at(20)).toBe('uio0     81.3/s');
    for (let width = 16; width < 200; width++) expect(at(width).length).toBeLessThanOrEqual(width);
  });
});
