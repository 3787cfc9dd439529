import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { generateSysroot } from '../bench/generated-sysroot';
import { Browser } from '../support/browser';
import { describeWith } from '../support/requires';
import { plant, scratch, usbDevice } from './tree';
import { cliFails, onTerminal, PATIENCE, ROOT, shell, text, udrv } from './udrv';

const dir = scratch();
const fileOf = (name: string) => join(dir, name);

/** The longest part of the work is that of a large machine, and of starting a browser. */
jest.setTimeout(3 * PATIENCE);

describe('the output', () => {
  test('is a file, whole, or standard output', async () => {
    const path = fileOf('sim.html');
    writeFileSync(path, 'old');
    expect(await udrv(['--sim', 'report', '-o', path])).toEqual({ stdout: '', stderr: '', exit: 0 });
    const page = readFileSync(path, 'utf8');
    expect(page).toMatch(/^<!doctype html>\n[\s\S]*<\/html>\n$/);
    const still = (html: string) => html.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'TIME');
    for (const command of ['--sim report', '--sim report -o -']) {
      const { stdout, ...rest } = await udrv(command);
      expect(rest).toEqual({ stderr: '', exit: 0 });
      expect(still(stdout)).toBe(still(page));
    }
    expect((await shell('udrv --sim report | head -1')).stdout).toBe('<!doctype html>\n');
  });

  test('a machine that cannot be read leaves the file alone', async () => {
    const path = fileOf('kept.html');
    writeFileSync(path, 'old');
    expect(await udrv(['--snapshot', '/nowhere', 'report', '-o', path])).toMatchObject({ exit: 2 });
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  test('has no JSON', async () => {
    const { stderr, ...rest } = await udrv('--sim report --json');
    expect(rest).toEqual({ stdout: '', exit: 2 });
    expect(JSON.parse(stderr).error).toMatchObject({
      message: 'report: is a page, and has no JSON',
      hint: 'its data: udrv --sim list --all --json, udrv --sim doctor --json',
    });
  });

  cliFails(1, [['--sim report -o /nowhere/x', '/nowhere/x: no such file or directory (ENOENT)']]);
});

describeWith('script', 'on a terminal', () => {
  test('the page is not shown, unless it is asked for', async () => {
    const { stdout, exit } = await onTerminal('--sim report', { size: { columns: 200, rows: 24 } });
    expect({ exit, stdout: stdout.replaceAll('\r\n', '\n') }).toEqual({
      exit: 2,
      stdout: text`
        udrv: report: is a page for a browser
        hint: udrv --sim report -o report.html, or -o - to see its text
      `,
    });
    expect((await onTerminal('--sim report -o -')).stdout).toMatch(/^<!doctype html>/);
  });
});

/** The texts of a table's rows that are in sight, cell by cell. */
function shownRows(page: Page, id: string): Promise<string[][]> {
  return page
    .locator(`[id="${id}"] tbody tr:not([hidden])`)
    .evaluateAll((rows) =>
      rows.map((row) =>
        Array.from((row as unknown as { cells: { textContent: string }[] }).cells, (cell) => cell.textContent),
      ),
    );
}

interface ListedDevice {
  address: string;
  framework: string;
  vendorId: string | null;
  deviceId: string | null;
  driver: string | null;
  drivers?: string[];
  node: string | null;
  access: string | null;
  name: string;
}

/** The cells of a device as `list --json` has it: all but its use, its state and the names added to its own. */
function cellsOf({ framework, address, vendorId, deviceId, driver, drivers, node, access }: ListedDevice): string[] {
  const id = vendorId === null && deviceId === null ? '' : `${vendorId}:${deviceId}`;
  return [framework, address, id, drivers?.join(',') ?? driver ?? '', node ?? '', access ?? ''];
}

async function reportOf(machine: readonly string[], name: string): Promise<{ file: string; devices: ListedDevice[] }> {
  const file = fileOf(name);
  const [made, listed] = await Promise.all([
    udrv([...machine, 'report', '-o', file]),
    udrv([...machine, 'list', '--all', '--json']),
  ]);
  expect(made).toEqual({ stdout: '', stderr: '', exit: 0 });
  return { file, devices: JSON.parse(listed.stdout).devices };
}

describeWith('chromium', 'in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await Browser.start();
    await browser.context.addInitScript(`
      addEventListener('securitypolicyviolation', (event) => console.error('blocked: ' + event.violatedDirective));
    `);
  });
  afterAll(() => browser[Symbol.asyncDispose]());

  test.each([
    ['the simulated machine', ['--sim']],
    ["the lab's machine", ['--snapshot', join(ROOT, 'fixtures/lab.snapshot')]],
  ])('%s: the devices are those of list --json, without a complaint or a request', async (_, machine) => {
    const { file, devices } = await reportOf(machine, 'machine.html');
    const { page, complaints, requests } = await browser.open(file);
    const rows = await shownRows(page, 'device-table');
    expect(rows.map((cells) => cells.slice(0, 6))).toEqual(devices.map(cellsOf));
    for (const [i, { name }] of devices.entries()) expect(rows[i]?.at(-1)).toContain(name);
    expect({ complaints, requests: requests() }).toEqual({ complaints: [], requests: [`file://${file}`] });
    await page.close();
  });

  test('the policy lets nothing else run or show, nor be asked for', async () => {
    const { page, complaints, requests } = await browser.open((await reportOf(['--sim'], 'policy.html')).file);
    const before = requests();
    await page.evaluate(`
      const add = (tag, what) => document.body.append(Object.assign(document.createElement(tag), what));
      add('script', { textContent: 'window.ran = true' });
      add('img', { src: 'https://example.invalid/x.png' });
      add('style', { textContent: 'body { display: none }' });
      document.body.setAttribute('onclick', 'window.ran = true');
      document.body.click();
      fetch('https://example.invalid/').catch(() => {});
    `);
    await page.waitForTimeout(200);
    expect(await page.evaluate('[window.ran, getComputedStyle(document.body).display]')).toEqual([undefined, 'block']);
    for (const directive of ['script-src-elem', 'script-src-attr', 'img-src', 'style-src-elem', 'connect-src'])
      expect(complaints).toContain(`error: blocked: ${directive}`);
    expect(requests()).toEqual(before);
    await page.close();
  });

  test('hostile names are text', async () => {
    const hostile = [
      '<img src=x onerror="window.ran = true">',
      '</td></table></div><script>window.ran = true</script>',
      '"><svg onload=ran=true>\u202egnp\x1b[31m',
      'a & b &lt;i&gt;',
    ];
    const root = plant(
      fileOf('hostile'),
      Object.assign({}, ...hostile.map((product, i) => usbDevice({ product, serial: product }, `1-${i + 1}`))),
    );
    const { file } = await reportOf(['--sysroot', root], 'hostile.html');
    const { page, complaints, requests } = await browser.open(file);
    const shown = hostile.map((name) => name.replace('\u202e', '\\u202e').replace('\x1b', '\\x1b'));
    expect((await shownRows(page, 'device-table')).map((cells) => cells.at(-1))).toEqual(shown);
    expect((await shownRows(page, 'usb-table')).map((cells) => cells.at(-1))).toEqual(shown);
    expect(await page.evaluate('[window.ran, document.images.length, document.scripts.length]')).toEqual([
      undefined,
      0,
      1,
    ]);
    expect({ complaints, requests: requests() }).toEqual({ complaints: [], requests: [`file://${file}`] });
    await page.close();
  });

  describe('with a page of the simulated machine', () => {
    let page: Page;
    let complaints: string[];
    const addresses = async () => (await shownRows(page, 'device-table')).map((cells) => cells[1]);
    const find = async (words: string) => {
      await page.fill('#query', words);
      return await addresses();
    };

    beforeAll(async () => {
      ({ page, complaints } = await browser.open((await reportOf(['--sim'], 'sim-page.html')).file));
    });
    afterEach(async () => {
      expect(complaints).toEqual([]);
      await page.keyboard.press('Escape');
    });
    afterAll(() => page.close());

    test('the search finds words, and words in a column', async () => {
      const all = await addresses();
      expect(all).toHaveLength(23);
      expect(await find('qemu edu')).toEqual(['uio0', '0000:00:03.0', '0000:02:01.0']);
      expect(await find('type:VFIO')).toEqual(['0000:00:03.0', '0000:02:01.0']);
      expect(await find('driver:vfio-pci state:not')).toEqual(['0000:02:01.0']);
      expect(await find('1234:11e8 access:rw')).toEqual(['uio0', '0000:00:03.0', '0000:02:01.0']);
      expect(await find('0000:01:00.0')).toEqual(['0000:01:00.0']);
      expect(await find('nowhere')).toEqual([]);
      expect(await page.textContent('#matches')).toBe('0 rows found');
      expect(await find('')).toEqual(all);
    });

    test('the search leaves what a match in a tree is behind', async () => {
      await find('nvme');
      expect((await shownRows(page, 'pci-table')).map(([name]) => name)).toEqual([
        'pci0000:00',
        '├─ 0000:00:08.0',
        '│  └─ 0000:01:00.0',
      ]);
      expect(await page.textContent('#pci-title')).toBe('PCI tree 1 found of 15');
      expect(await page.textContent('#matches')).toBe('4 rows found');
      await find('no-intx');
      expect(await page.locator('#other-table').isVisible()).toBe(true);
    });

    test('the keyboard reaches the search, ends it, and sorts', async () => {
      await page.keyboard.press('/');
      await page.keyboard.type('uio3');
      expect(await addresses()).toEqual(['uio3']);
      await page.keyboard.press('Escape');
      expect(await addresses()).toHaveLength(23);
      const size = page.locator('#region-table th:nth-child(5) button');
      await size.focus();
      await page.keyboard.press('Enter');
      const sizes = async () => (await shownRows(page, 'region-table')).map((cells) => cells[4]);
      expect((await sizes()).slice(0, 4)).toEqual(['32', '32', '64', '256']);
      expect(await page.getAttribute('#region-table th:nth-child(5)', 'aria-sort')).toBe('ascending');
      await page.keyboard.press('Enter');
      expect((await sizes()).slice(0, 4)).toEqual(['1M', '1M', '1M', '16K']);
      await page.click('#region-table th:nth-child(1) button');
      expect((await sizes()).slice(0, 4)).toEqual(['1M', '4K', '4K', '4K']);
      expect(await page.getAttribute('#region-table th:nth-child(5)', 'aria-sort')).toBe(null);
    });

    test('a link to a device shows its row, whatever is searched for', async () => {
      await find('keyboard');
      await page.evaluate("location.hash = '#0000:02:02.0'");
      const row = page.locator('[id="0000:02:02.0"]');
      await row.waitFor({ state: 'visible' });
      expect(await page.inputValue('#query')).toBe('');
      expect(await page.evaluate("document.querySelector(':target').cells[1].textContent")).toBe('0000:02:02.0');
    });

    test('on a phone nothing is beyond the edge, nor in any wider window', async () => {
      for (const width of [1280, 1000, 801, 800, 360]) {
        await page.setViewportSize({ width, height: 740 });
        expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      }
      expect(
        await page.evaluate(
          "getComputedStyle(document.querySelector('#device-table td:nth-child(4)'), '::before').content",
        ),
      ).toBe('"DRIVER "');
      await page.setViewportSize({ width: 1280, height: 900 });
    });

    test('on paper all is unfolded, without the controls', async () => {
      await page.emulateMedia({ media: 'print' });
      expect(await page.locator('#bar').isVisible()).toBe(false);
      expect(await page.locator('nav').isVisible()).toBe(false);
      expect(await page.locator('#other-table td').first().isVisible()).toBe(true);
      await page.emulateMedia({ media: 'screen' });
      expect(await page.locator('#other-table td').first().isVisible()).toBe(false);
    });

    test.each(['light', 'dark'] as const)('in %s every text stands out from its paper', async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      // WCAG 2.2, 1.4.3: 4.5 to 1, by the relative luminance of both.
      const ratios = await page.evaluate(`
        const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((c) => c / 255);
        const luminance = (color) => channels(color)
          .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
          .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
        const paper = luminance(getComputedStyle(document.body).backgroundColor);
        const inks = new Set([...document.querySelectorAll('body *')].map((e) => getComputedStyle(e).color));
        [...inks].map((ink) => {
          const [a, b] = [luminance(ink), paper].sort((x, y) => y - x);
          return (a + 0.05) / (b + 0.05);
        })
      `);
      expect((ratios as number[]).length).toBeGreaterThan(5);
      for (const ratio of ratios as number[]) expect(ratio).toBeGreaterThan(4.5);
      await page.emulateMedia({ colorScheme: 'light' });
    });
  });

  test('2,000 PCI functions and 2,000 USB devices are all there, found and sorted', async () => {
    const root = fileOf('large');
    generateSysroot(root, 2000);
    const { file, devices } = await reportOf(['--sysroot', root], 'large.html');
    const { page, complaints } = await browser.open(file);
    const rows = await shownRows(page, 'device-table');
    expect(rows.map((cells) => cells.slice(0, 6))).toEqual(devices.map(cellsOf));
    expect(await page.locator('#group-table tbody tr').count()).toBe(2000);
    await page.fill('#query', 'driver:vfio-pci');
    expect(await shownRows(page, 'device-table')).toHaveLength(500);
    await page.fill('#query', '');
    await page.locator('#device-table th:nth-child(9) button').first().click();
    const names = (await shownRows(page, 'device-table')).map((cells) => cells.at(-1) ?? '');
    expect(names).toEqual([...names].sort());
    expect(complaints).toEqual([]);
    await page.close();
  });
});

describeWith('chromium', 'in Chromium without JavaScript', () => {
  test('all is there to be read, and no control that would do nothing', async () => {
    await using browser = await Browser.start({ javaScriptEnabled: false });
    const { file, devices } = await reportOf(['--sim'], 'plain.html');
    const { page } = await browser.open(file);
    expect(await page.locator('#device-table tbody tr:visible').count()).toBe(devices.length);
    expect(await page.locator('#bar').isVisible()).toBe(false);
    expect(await page.locator('button').count()).toBe(0);
  });
});
