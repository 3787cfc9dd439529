// Writes src/usb/decode/hid/usage-tables.ts from the HidUsageTables.json that the USB-IF attaches to the PDF of the HID
// Usage Tables: node test/support/make-usage-tables.cjs HidUsageTables.json
const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const WIDTH = 118;

/** Slips of the attachment that the specification's own text has not. */
const MENDED = { 'Voltag Out Of Range': 'Voltage Out Of Range', Rechargable: 'Rechargeable' };

const hex = (value) => `0x${value.toString(16).padStart(2, '0')}`;

const tidy = (name) => (MENDED[name] ?? name).replaceAll('\\_', '_').replaceAll('‐', '-').replace(/\bId$/, 'ID');

/** The usages of a page in rows: each row begins with an id, and its names follow without a gap. */
function rows(usages) {
  const lines = [];
  let next = -1;
  for (const { Id: id, Name: name } of usages.toSorted((a, b) => a.Id - b.Id)) {
    const last = lines.length - 1;
    const text = tidy(name);
    if (/[|`$\\\n]/.test(text)) throw new Error(`${name}: has a character that the table gives a meaning`);
    if (id === next && lines[last].length + text.length < WIDTH) lines[last] += `|${text}`;
    else lines.push(` ${hex(id)} ${text}`);
    next = id + 1;
  }
  return lines;
}

const tables = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const pages = tables.UsagePages.toSorted((a, b) => a.Id - b.Id);
const lines = pages.flatMap(({ Id: id, Name: name, UsageIds: usages, UsageIdGenerator: numbered }) => [
  `${hex(id)} ${name}`,
  ...(numbered === null ? rows(usages) : [` ${hex(numbered.StartUsageId)}.. ${numbered.NamePrefix}`]),
]);
const version = `${tables.UsageTableVersion}.${tables.UsageTableRevision}`;
writeFileSync(
  join(__dirname, '../../src/usb/decode/hid/usage-tables.ts'),
  `/**
 * The pages of the HID Usage Tables ${version} (USB-IF) and their usages, as test/support/make-usage-tables.cjs writes them: do
 * not edit. A page is a line with its number and name; below it stand rows of usages, each with the number of its first
 * and the names from there on, one after the other. \`N..\` is a page whose usages are numbered from N on.
 */
export const USAGE_TABLES = \`
${lines.join('\n')}
\`;
`,
);
