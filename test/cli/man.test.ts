import { chmodSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith } from '../support/requires';
import { plant, scratch } from './tree';
import { cliFails, onTerminal, ROOT, udrv } from './udrv';

const directory = scratch();
/** A directory that PATH may be, with nothing in it. */
const nothing = plant(join(directory, 'nothing'), {});
const PLAIN = /^[^\x08\x1b]*$/;

describeWith('man', 'udrv man', () => {
  test.each([
    ['man', 'UDRV(1)', 'what Linux lets a program drive'],
    ['man usb', 'UDRV-USB(1)', 'bmRequestType'],
    ['man udrv-uio', 'UDRV-UIO(1)', 'watch-irq'],
    ['man udrv-vfio(1)', 'UDRV-VFIO(1)', 'dma-test'],
  ])('udrv %s prints the page as plain text into a pipe', async (line, title, text) => {
    const { stdout, stderr, exit } = await udrv(line, { env: { MAN_KEEP_FORMATTING: '1' } });
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout.startsWith(title)).toBe(true);
    expect(stdout.replace(/\s+/g, ' ')).toContain(text.split(' ')[0]);
    expect(stdout).toMatch(PLAIN);
  });

  test('has the pager of the user on a terminal', async () => {
    const { bin } = pager();
    const { stdout, exit } = await onTerminal('man usb', { env: { MANPAGER: join(bin, 'pager') } });
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^paged: UDRV-USB\(1\)/m);
  });
});

describeWith('mandoc', 'udrv man with mandoc alone', () => {
  test('prints plain text too', async () => {
    const bin = plant(join(directory, 'mandoc'), {});
    symlinkSync('/usr/bin/mandoc', join(bin, 'mandoc'));
    const { stdout } = await udrv('man vfio', { env: { PATH: bin } });
    expect(stdout).toMatch(/^UDRV-VFIO\(1\) .*\n\nNAME\n/);
    expect(stdout).toMatch(PLAIN);
  });
});

describe('where no program shows a manual', () => {
  test('udrv man does it', async () => {
    const { stdout, stderr, exit } = await udrv('man uio', { env: { PATH: nothing } });
    expect({ stderr, exit }).toEqual({ stderr: '', exit: 0 });
    expect(stdout).toMatch(/^NAME\n {5}udrv-uio - .*\n\nSYNOPSIS\n/);
    expect(stdout).toMatch(PLAIN);
  });

  test('on a terminal too', async () => {
    const bin = plant(join(directory, 'script'), {});
    symlinkSync('/usr/bin/script', join(bin, 'script'));
    const { stdout, exit } = await onTerminal('man', { env: { PATH: bin } });
    expect(exit).toBe(0);
    expect(stdout).toMatch(/^NAME\r\n {5}udrv - list, inspect and drive/);
  });

  // Docker images of Ubuntu have one.
  test('a man that prints something else is none', async () => {
    const bin = plant(join(directory, 'minimized'), { man: '#!/bin/sh\necho This system has been minimized\n' });
    chmodSync(join(bin, 'man'), 0o755);
    const { stdout } = await udrv('man', { env: { PATH: bin } });
    expect(stdout).toMatch(/^NAME\n/);
  });

  // busybox
  test('nor is one that does not take a file', async () => {
    const bin = plant(join(directory, 'busybox'), { man: '#!/bin/sh\necho usage >&2; exit 1\n' });
    chmodSync(join(bin, 'man'), 0o755);
    const { stdout, stderr } = await udrv('man', { env: { PATH: bin } });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^NAME\n/);
  });
});

describe('a page that there is not', () => {
  const hint = 'udrv man shows bench, doctor, fleet, map, pci, session, udrv, uio, usb, vfio';
  cliFails(2, [
    ['man frobnicate', 'frobnicate: no such manual page', hint],
    ['man ../README.md', '../README.md: no such manual page', hint],
    ['man uio usb', /too many arguments/, 'usage: udrv man [options] [page]'],
  ]);
});

test('the command alone has node:child_process', () => {
  expect(readFileSync(join(ROOT, 'dist/cli/man.js'), 'utf8')).toContain('node:child_process');
  expect(readFileSync(join(ROOT, 'dist/cli/main.js'), 'utf8')).not.toMatch(/require\("node:child_process"\)/);
});

function pager(): { bin: string } {
  const bin = plant(join(directory, 'pager'), { pager: '#!/bin/sh\nsed "s/^/paged: /" | col -bx\n' });
  chmodSync(join(bin, 'pager'), 0o755);
  return { bin };
}
