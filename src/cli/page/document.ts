import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../sys/package-folder';
import { devicesSection, regionsSection } from './devices';
import { findingsSection } from './findings';
import type { MachineReport } from './gather';
import { type Content, html, type Markup, trusted } from './html';
import { functionsSection, groupsSection, linksSection, pciTreeSection } from './pci';
import { type Anchors, columnStyle, type PageTable, type Section, tableMarkup } from './section';
import { usbSection } from './usb';

const SECTIONS = [
  findingsSection,
  devicesSection,
  pciTreeSection,
  groupsSection,
  linksSection,
  functionsSection,
  regionsSection,
  usbSection,
];

/**
 * Makes the page of a machine: HTML with all of its content in tables, so that it is read without the script, which
 * searches and sorts them. It asks nobody for anything, and runs and shows nothing but what has the hashes in its
 * Content-Security-Policy (CSP Level 3).
 */
export function reportPage(report: MachineReport): string {
  const anchors = anchorsOf(report);
  const sections = SECTIONS.map((section) => section(report, anchors));
  if (report.errors.length > 0) sections.push(errorsSection(report));
  const [style = '', script = ''] = ['report.css', 'report.js'].map((name) =>
    readFileSync(join(packageFolder(), 'fixtures/report', name), 'utf8'),
  );
  const tables = sections.flatMap(({ parts }) => parts.filter(isTable));
  const head = headMarkup(report, `${style}${columnStyle(tables)}`, script);
  return html`<!doctype html>
<html lang="en">
${head}
<body>
${headerMarkup(report, sections)}
<search id="bar" hidden>
<label for="query">Search</label>
<input id="query" type="search" autocomplete="off" spellcheck="false" placeholder="words, or column:word" aria-describedby="matches">
<output id="matches"></output>
</search>
<main>
${sections.map((section) => sectionMarkup(section, anchors))}</main>
${footerMarkup(report)}
<script type="module">${trusted(script)}</script>
</body>
</html>
`.toString();
}

const isTable = (part: PageTable | Markup): part is PageTable => 'rows' in part;

/** Returns the names that have a row with their id: the devices, and the functions behind UIO devices. */
function anchorsOf({ devices, functions }: MachineReport): Anchors {
  return new Set([...devices, ...functions].map(({ address }) => address));
}

function headMarkup(report: MachineReport, style: string, script: string): Markup {
  const policy = [
    "default-src 'none'",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="udrv ${report.version}">
<title>udrv report: ${titleOf(report)}</title>
<style>${trusted(style)}</style>
</head>`;
}

/** Names the machine by its host name, else by where it was read. */
function titleOf({ facts, source }: MachineReport): string {
  const host = facts.find(([name]) => name === 'host')?.[1];
  return host ?? `${source.slice(0, 1).toUpperCase()}${source.slice(1)}`;
}

/** Returns a time as `2026-11-29 19:56:08 UTC`. */
const timeText = (time: Date) => time.toISOString().replace(/^(.*)T(.*)\..*$/, '$1 $2 UTC');

function headerMarkup(report: MachineReport, sections: readonly Section[]): Markup {
  return html`<header>
<h1>${titleOf(report)}</h1>
<p>${summary(report)}</p>
${factsMarkup(report)}
<nav aria-label="Sections"><ul>${sections.map(
    ({ id, title, count }) => html`<li><a href="#${id}">${title}</a> <span>${count}</span>`,
  )}</ul></nav>
</header>`;
}

function footerMarkup({ version, time, source }: MachineReport): Markup {
  return html`<footer>
<p>Made by udrv ${version} on ${timeText(time)} from: ${source}, without opening a device.</p>
<p class="help" hidden>The search finds the rows that have every word; <code>driver:nvme</code>, <code>type:usb</code>, <code>access:none</code> or <code>viable:no</code> looks into the columns of that title. <kbd>/</kbd> goes to it, <kbd>Esc</kbd> ends it. The title of a column sorts by it. An address behind <code>#</code> leads to a device: <code>#uio0</code>.</p>
</footer>`;
}

const hashOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

function summary({ devices }: MachineReport): string {
  const count = (framework: string) => devices.filter((device) => device.framework === framework).length;
  const counts = ['uio', 'vfio', 'usb'].map((framework) => `${count(framework)} ${framework.toUpperCase()}`);
  return `${counts.join(', ')} devices, and ${count('pci')} other PCI functions`;
}

function factsMarkup({ facts, source, user, time, version, errors }: MachineReport): Markup {
  const all: (readonly [string, string | null])[] = [
    ['source', source],
    ['time', timeText(time)],
    ['udrv', version],
    ['access', user === null ? null : `that of ${user}`],
    ...facts,
    ['not readable', errors.length === 0 ? null : `${errors.length} attributes`],
  ];
  return html`<dl>${all.map(([name, value]) => (value === null ? '' : html`<div><dt>${name}<dd>${value}</div>`))}</dl>`;
}

function sectionMarkup({ id, title, count, parts }: Section, anchors: Anchors): Content {
  return html`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title} <span>${count}</span></h2>
${parts.map((part) => partMarkup(part, anchors))}
</section>
`;
}

function partMarkup(part: PageTable | Markup, anchors: Anchors): Markup {
  if (!isTable(part)) return part;
  return part.rows.length === 0 ? html`<p>None.</p>` : tableMarkup(part, anchors);
}

/** The attributes that could not be read. */
function errorsSection({ errors }: MachineReport): Section {
  const rows = errors.map(({ path, code }) => [path, code]);
  const columns = ['PATH', 'ERROR'].map((title) => ({ title }));
  const table = { id: 'error-table', label: 'Attributes that could not be read', columns, rows };
  return { id: 'errors', title: 'Not readable', count: rows.length, parts: [table] };
}
