/** Debian's Chromium, for pages that the command makes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page, type Request } from 'playwright-core';

export const CHROMIUM = '/usr/bin/chromium';

/** It asks nobody for anything by itself, and runs in a container without privileges of its own. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The longest time that a page may take to open: tests check what it has, and `npm run bench -- report` how fast. */
const PATIENCE_MS = 120_000;

export interface OpenPage {
  page: Page;
  /** Messages of the console, errors of scripts, and what the page's policy has blocked. */
  complaints: string[];
  /** Returns the addresses that were asked for, without those that the policy has blocked. */
  requests(): string[];
}

/** A browser with a new profile, which goes with it. */
export class Browser implements AsyncDisposable {
  readonly context: BrowserContext;
  readonly #profile: string;

  private constructor(context: BrowserContext, profile: string) {
    this.context = context;
    this.#profile = profile;
  }

  static async start(options: { javaScriptEnabled?: boolean } = {}): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'udrv-browser-'));
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: CHROMIUM,
      headless: true,
      args: FLAGS,
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    context.setDefaultTimeout(PATIENCE_MS);
    return new Browser(context, profile);
  }

  /** Opens a file. Without JavaScript a violation of the policy is only a message of the console. */
  async open(file: string): Promise<OpenPage> {
    const page = await this.context.newPage();
    const complaints: string[] = [];
    const requests: Request[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
    page.on('request', (request) => requests.push(request));
    await page.goto(`file://${file}`, { timeout: PATIENCE_MS });
    const isAsked = (request: Request) => request.failure()?.errorText !== 'csp';
    return { page, complaints, requests: () => requests.filter(isAsked).map((request) => request.url()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
    rmSync(this.#profile, { recursive: true, force: true });
  }
}
