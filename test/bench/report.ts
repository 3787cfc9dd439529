import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Browser } from '../support/browser';
import { generateSysroot } from './generated-sysroot';
import { quietest, verdict, wall } from './measure';

/** The longest time in which a page may open: until the browser has loaded it and painted twice. */
const BOUND_MS = 2000;

const ROUNDS = 5;

/** Measures how long the page of a machine takes to open in Chromium, and prints what making it takes. */
export async function benchReport(): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'udrv-bench-'));
  try {
    const large = join(dir, 'large');
    generateSysroot(large, 2000);
    const machines: [string, string[]][] = [
      ['the simulated machine', ['--sim']],
      ["the lab's machine", ['--snapshot', 'fixtures/lab.snapshot']],
      ['2,000 PCI functions and 2,000 USB devices', ['--sysroot', large]],
    ];
    await using browser = await Browser.start();
    let isGood = true;
    for (const [name, machine] of machines) {
      const file = join(dir, 'report.html');
      const made = wall([process.execPath, 'bin/udrv', ...machine, 'report', '-o', file]);
      console.log(`  ${name}: made in ${made.toFixed(0)} ms`);
      const times: number[] = [];
      for (let round = 0; round < ROUNDS; round++) times.push(await timeToOpen(browser, file));
      isGood = verdict(`${name}, opened in Chromium`, quietest(times), BOUND_MS, ' ms') && isGood;
    }
    return isGood;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

async function timeToOpen(browser: Browser, file: string): Promise<number> {
  const page = await browser.context.newPage();
  const start = performance.now();
  await page.goto(`file://${file}`);
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  const time = performance.now() - start;
  await page.close();
  return time;
}
