import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { type DefaultTreeAdapterTypes, parse } from 'parse5';
import { fullName } from '../../../src/cli/devices/full-name';
import { visible } from '../../../src/cli/output/escape';
import { reportPage } from '../../../src/cli/page/document';
import { gatherReport, type MachineReport } from '../../../src/cli/page/gather';
import { html, trusted } from '../../../src/cli/page/html';
import { NameDatabase } from '../../../src/names/database';
import { simulatedMachine } from '../../../src/sim';
import { anyText } from '../../support/any-text';

// The page as a browser reads it: parse5 is an HTML parser by the standard.

type Node = DefaultTreeAdapterTypes.ChildNode | DefaultTreeAdapterTypes.Document;
type Element = DefaultTreeAdapterTypes.Element;

const { sys } = simulatedMachine();
const report = gatherReport(sys, new NameDatabase(sys), {
  version: '1.2.3',
  source: 'simulated machine',
  user: 'root',
  isRecorded: false,
  complete: (diagnosis) => diagnosis,
});

function elements(node: Node): Element[] {
  const children = 'childNodes' in node ? node.childNodes : [];
  return [...('tagName' in node ? [node] : []), ...children.flatMap(elements)];
}

function textIn(node: Node): string {
  if ('value' in node) return node.value;
  return 'childNodes' in node ? node.childNodes.map(textIn).join('') : '';
}

const attribute = ({ attrs }: Element, wanted: string) => attrs.find(({ name }) => name === wanted)?.value;
const named = (all: readonly Element[], id: string) =>
  all.find((element) => attribute(element, 'id') === id) as Element;
const tagged = (node: Node, tag: string) => elements(node).filter(({ tagName }) => tagName === tag);

/** The texts of a table's rows, cell by cell. */
const cellsOf = (all: readonly Element[], id: string) =>
  tagged(named(all, id), 'tr')
    .map((row) => tagged(row, 'td').map(textIn))
    .filter((cells) => cells.length > 0);

/** The tags and the names of attributes, in order: all that markup is beside text. */
const skeleton = (all: readonly Element[]) =>
  all.map(({ tagName, attrs }) => [tagName, ...attrs.map(({ name }) => name)].join(' '));

/** Puts a text into the place of each one that a device, a driver or a file chose. */
function withTexts(text: string): MachineReport {
  const names = new Set([
    'name',
    'product',
    'manufacturer',
    'serial',
    'label',
    'className',
    'means',
    'value',
    'reason',
    'command',
    'slot',
  ]);
  const replaced = (value: unknown, key = ''): unknown => {
    if (typeof value === 'string') return names.has(key) ? text : value;
    if (Array.isArray(value)) return value.map((item) => replaced(item, key));
    if (typeof value !== 'object' || value === null || value instanceof Date) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, replaced(inner, name)]));
  };
  const facts = report.facts.map(([name]) => [name, text] as const);
  return { ...(replaced(report) as MachineReport), facts, source: text, version: text };
}

const HOSTILE = [
  '<script>alert(1)</script>',
  '</td></tr></table><img src=x onerror=alert(1)>',
  '</style><style>*{display:none}</style>',
  '</title><base href="//x"><meta http-equiv=refresh content="0;//x">',
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  '<!--',
  ']]>',
  '&lt;b&gt;&amp;#60;',
  'a\0b\x1b[31m\u202egnp.exe\u2028\r\n\t\ufeff\ud800',
  '`$&$1$`',
];

/** The text that is shown: all of the page without its style and script. */
const shownIn = (all: readonly Element[]) => {
  const [head, body] = ['title', 'body'].map((tag) => all.find(({ tagName }) => tagName === tag));
  return `${textIn(head as Element)}\n${textIn(body as Element)}`;
};

const occurrences = (text: string, part: string) => text.split(part).length - 1;

describe('nothing that a device says is markup, and all of it is shown', () => {
  const benign = elements(parse(reportPage(withTexts('MARK'))));
  const [structure, count] = [skeleton(benign), occurrences(shownIn(benign), 'MARK')];

  function isText(text: string) {
    const hostile = withTexts(text);
    const page = reportPage(hostile);
    const all = elements(parse(page));
    expect(skeleton(all)).toEqual(structure);
    expect(occurrences(shownIn(all), visible(text))).toBeGreaterThanOrEqual(count);
    const names = cellsOf(all, 'device-table').map((cells) => cells.at(-1));
    expect(names).toEqual(hostile.devices.map((device) => visible(fullName(device))));
    // Nothing that would turn the rest of a line around, nor a control character but the line's end.
    expect(page).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
  }

  test('there is much of it', () => expect(count).toBeGreaterThan(50));

  test.each(HOSTILE)('%j', isText);

  test('whatever else it is', () => {
    const text = fc.array(fc.oneof(fc.constantFrom(...HOSTILE), anyText())).map((parts) => parts.join(''));
    // A cell of nothing is empty, as one with a dash is.
    const shown = text.filter((one) => !/^-?$/.test(one));
    fc.assert(fc.property(shown, isText), { numRuns: 20 });
  });
});

test('a template escapes what is put in, in elements and in attributes', () => {
  const text = `<&>"'`;
  expect(`${html`<a title="${text}">${text}${3}${html`<br>`}${['<', ['>']]}</a>`}`).toBe(
    '<a title="&lt;&amp;&gt;&quot;&#39;">&lt;&amp;&gt;&quot;&#39;3<br>&lt;&gt;</a>',
  );
});

test.each(['a</style>b', '</SCRIPT', '<!-- '])(
  'a file of the package that would end its element is refused: %s',
  (text) => {
    expect(() => trusted(text)).toThrow('ends the element');
  },
);

describe('the page', () => {
  const page = reportPage(report);
  const all = elements(parse(page));

  test('is valid in what is easily wrong: one heading, names that are unique, links that lead somewhere', () => {
    expect(page.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
    expect(all.filter(({ tagName }) => tagName === 'h1')).toHaveLength(1);
    const ids = all.flatMap((element) => attribute(element, 'id') ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const links = all.filter(({ tagName }) => tagName === 'a').map((link) => attribute(link, 'href') ?? '');
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter((link) => !link.startsWith('#') || !ids.includes(decodeURIComponent(link.slice(1))))).toEqual(
      [],
    );
    for (const name of ['aria-labelledby', 'aria-describedby', 'for'])
      for (const id of all.flatMap((element) => attribute(element, name) ?? [])) expect(ids).toContain(id);
  });

  test('takes no attribute that runs or loads something', () => {
    const names = new Set(all.flatMap(({ attrs }) => attrs.map(({ name }) => name)));
    expect([...names].filter((name) => /^(?:on|src|style|action|data$|srcset|ping|background)/.test(name))).toEqual([]);
    const tags = new Set(all.map(({ tagName }) => tagName));
    for (const tag of ['img', 'link', 'iframe', 'object', 'embed', 'form', 'base', 'svg'])
      expect([...tags]).not.toContain(tag);
  });

  test('has a policy with the hashes of its style and its script, and with nothing else', () => {
    const policy = attribute(
      all.find((element) => attribute(element, 'http-equiv') !== undefined) as Element,
      'content',
    );
    const hash = (tag: string) => {
      const [text = '', ...more] = tagged(parse(page), tag).map(textIn);
      expect(more).toEqual([]);
      return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
    };
    expect(policy).toBe(
      `default-src 'none'; style-src ${hash('style')}; script-src ${hash('script')}; base-uri 'none'; form-action 'none'`,
    );
    expect(page.indexOf('Content-Security-Policy')).toBeLessThan(page.indexOf('<style>'));
  });

  test('has a small style and script: 8 KiB as a server would send them', () => {
    const text = ['style', 'script'].flatMap((tag) => tagged(parse(page), tag).map(textIn)).join('');
    expect(text.length).toBeGreaterThan(5000);
    expect(gzipSync(text).length).toBeLessThan(8192);
  });

  test('shows the devices in the order of the list, each with its name for links', () => {
    const rows = tagged(named(all, 'device-table'), 'tr').slice(1);
    expect(rows.map((row) => attribute(row, 'id'))).toEqual(report.devices.map(({ address }) => address));
    expect(cellsOf(all, 'device-table').map(([type, address]) => [type, address])).toEqual(
      report.devices.map(({ framework, address }) => [framework, address]),
    );
  });

  test('has the function behind a UIO device in the tree, and its link leads there', () => {
    const row = named(all, '0000:00:04.0');
    expect(textIn(row)).toMatch(/^├─ 0000:00:04\.02nouio_pci_generic/);
  });

  test('names what blocks a group', () => {
    const group = cellsOf(all, 'group-table').find(([number]) => number === '7');
    expect(group?.slice(0, 4)).toEqual(['7', 'DMA', 'no', '0000:02:02.0 (virtio-pci)']);
    expect(group?.at(-1)).toBe('0000:00:09.0, 0000:02:01.0, 0000:02:02.0');
  });

  test('has the findings that block, the link that is slow, the endpoints and the regions', () => {
    expect(cellsOf(all, 'finding-table')).toEqual([
      [
        'blocks',
        '0000:02:01.0',
        expect.stringMatching(/^group-not-viable Group 7 /),
        expect.stringContaining('bind 0000:02:01.0 vfio-pci --group'),
      ],
    ]);
    expect(cellsOf(all, 'link-table')).toEqual([
      ['0000:00:08.0', '2.5 GT/s x1', '16.0 GT/s x32', 'pcieport', 'Red Hat, Inc. QEMU PCIe Root port'],
    ]);
    expect(cellsOf(all, 'usb-table').find(([name]) => name?.endsWith('1-3.1:1.0'))).toEqual([
      '│     └─ 1-3.1:1.0',
      '',
      '',
      '',
      'usbhid',
      'HID boot keyboard',
      '03/01/01',
      '',
      '0x81 interrupt 8 every 10 ms',
    ]);
    expect(cellsOf(all, 'region-table')[0]).toEqual(['uio0', 'map0', 'mmio', '0xfe300000', '1M', '0x0', 'rw mmap', '']);
  });

  test('says None where there is nothing', () => {
    const empty: MachineReport = {
      ...report,
      devices: [],
      functions: [],
      usb: [],
      diagnoses: [],
      iommu: { roots: [], groups: [], holdersComplete: true },
    };
    const text = shownIn(elements(parse(reportPage(empty))));
    expect(text).toContain('Nothing blocks a use');
    expect(occurrences(text, 'None.')).toBe(6);
  });

  test('puts a long table into pieces, and loses no row', () => {
    const devices = Array.from({ length: 1001 }, (_, i) => ({
      ...report.devices[0],
      address: `uio${i}`,
    })) as MachineReport['devices'];
    const long = elements(parse(reportPage({ ...report, devices })));
    expect(tagged(named(long, 'device-table'), 'table')).toHaveLength(6);
    expect(cellsOf(long, 'device-table').map(([, address]) => address)).toEqual(devices.map(({ address }) => address));
  });
});

describe('gathering', () => {
  test('opens nothing, and says how many devices it had no time for', () => {
    const none = gatherReport(sys, new NameDatabase(sys), {
      version: '1',
      source: '',
      user: null,
      isRecorded: true,
      complete: (diagnosis) => diagnosis,
      examineMs: -1,
    });
    const examined = none.devices.filter(({ framework }) => framework !== 'pci');
    expect(none.unexamined).toBe(examined.length);
    expect(none.diagnoses).toHaveLength(1);
    expect(shownIn(elements(parse(reportPage(none))))).toContain(
      `Not examined, for want of time: ${examined.length} devices.`,
    );
    expect(report.unexamined).toBe(0);
  });
});
