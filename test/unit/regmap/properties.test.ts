import fc from 'fast-check';
import { UdrvError } from '../../../src/errors';
import type { Region } from '../../../src/model/device';
import { RegisterNames, resolveLocation } from '../../../src/regmap/names';
import { parseRegisterMap } from '../../../src/regmap/parse';
import { placeMap } from '../../../src/regmap/place';
import { parseMapReference } from '../../../src/regmap/reference';
import { anyText } from '../../support/any-text';

/** A part of a plan: the XML of it, and the addresses that its registers have to have, computed beside the parser. */
interface Part {
  xml: string;
  registers: { name: string; offset: number; bits: number }[];
}

/** The offsets of elements, and the increments of arrays, in bytes. */
const STEP = 0x10000;

const array = fc.record({
  dim: fc.integer({ min: 1, max: 5 }),
  style: fc.constantFrom('none', 'brackets', 'numbers', 'letters', 'list'),
});
type ArrayPlan = typeof array extends fc.Arbitrary<infer T> ? T : never;

/** Writes the elements of an array, and lists the names and shifts of its parts. */
function arrayOf(
  plan: ArrayPlan,
  name: string,
  increment: number,
): { xml: string; parts: [name: string, shift: number][] } {
  const { dim, style } = plan;
  if (style === 'none') return { xml: `<name>${name}</name>`, parts: [[name, 0]] };
  const labels = Array.from({ length: dim }, (_, i) =>
    style === 'letters'
      ? 'ABCDE'.charAt(i)
      : style === 'list'
        ? `_${['RX', 'TX', 'AUX', 'IN', 'OUT'][i]}`
        : String(i + (style === 'numbers' ? 3 : 0)),
  );
  const index = style === 'letters' ? `A-${labels.at(-1)}` : style === 'numbers' ? `3-${dim + 2}` : labels.join(',');
  const dims = `<dim>${dim}</dim><dimIncrement>0x${increment.toString(16)}</dimIncrement>`;
  const xml =
    style === 'brackets'
      ? `<name>${name}[%s]</name>${dims}`
      : `<name>${name}%s</name>${dims}<dimIndex>${index}</dimIndex>`;
  return {
    xml,
    parts: labels.map((label, i) => [style === 'brackets' ? `${name}[${i}]` : `${name}${label}`, i * increment]),
  };
}

const registerPlan = fc.record({ array, bits: fc.constantFrom(null, 8, 16, 32, 64) });
type RegisterPlan = typeof registerPlan extends fc.Arbitrary<infer T> ? T : never;
interface ClusterPlan {
  array: ArrayPlan;
  bits: number | null;
  registers: RegisterPlan[];
  clusters: ClusterPlan[];
}
const clusterOf = (clusters: fc.Arbitrary<ClusterPlan[]>): fc.Arbitrary<ClusterPlan> =>
  fc.record({
    array,
    bits: fc.constantFrom(null, 16, 32),
    registers: fc.array(registerPlan, { maxLength: 2 }),
    clusters,
  });
// Clusters in clusters in clusters.
const clusterPlan = clusterOf(
  fc.array(clusterOf(fc.array(clusterOf(fc.constant([])), { maxLength: 1 })), { maxLength: 2 }),
);

const sizeOf = (bits: number | null) => (bits === null ? '' : `<size>${bits}</size>`);

function contents(plan: Pick<ClusterPlan, 'registers' | 'clusters'>, inherited: number, step: number): Part {
  const parts = [
    ...plan.registers.map((one, i): Part => {
      const { xml, parts } = arrayOf(one.array, `R${i}x`, 8);
      const at = i * 0x40;
      return {
        xml: `<register>${xml}<addressOffset>${at}</addressOffset>${sizeOf(one.bits)}</register>`,
        registers: parts.map(([name, shift]) => ({ name, offset: at + shift, bits: one.bits ?? inherited })),
      };
    }),
    ...plan.clusters.map((one, i): Part => {
      const { xml, parts } = arrayOf(one.array, `C${i}x`, step);
      const at = (i + 1) * 8 * step;
      const inner = contents(one, one.bits ?? inherited, step / 64);
      return {
        xml: `<cluster>${xml}<addressOffset>0x${at.toString(16)}</addressOffset>${sizeOf(one.bits)}${inner.xml}</cluster>`,
        registers: parts.flatMap(([name, shift]) =>
          inner.registers.map((register) => ({
            ...register,
            name: `${name}.${register.name}`,
            offset: at + shift + register.offset,
          })),
        ),
      };
    }),
  ];
  return { xml: parts.map(({ xml }) => xml).join(''), registers: parts.flatMap(({ registers }) => registers) };
}

const peripheralPlan = fc.record({
  base: fc.integer({ min: 0, max: 0xffff }),
  isDerived: fc.boolean(),
  registers: fc.array(registerPlan, { maxLength: 4 }),
  clusters: fc.array(clusterPlan, { maxLength: 2 }),
});

test('registers of generated SVD files are where a computation beside the parser has them', () => {
  let resolved = 0;
  fc.assert(
    fc.property(fc.array(peripheralPlan, { minLength: 1, maxLength: 4 }), (plans) => {
      const parts: Part[] = [];
      const xml = plans.map((plan, i) => {
        const head = `<name>P${i}</name><baseAddress>0x${(plan.base * STEP * 4096).toString(16)}</baseAddress>`;
        if (plan.isDerived && i > 0) {
          parts.push(parts[0] as Part);
          return `<peripheral derivedFrom="P0">${head}</peripheral>`;
        }
        const part = contents(plan, 32, STEP * 64);
        parts.push(part);
        return `<peripheral>${head}<registers>${part.xml}</registers></peripheral>`;
      });
      const map = parseRegisterMap(
        Buffer.from(`<device><name>D</name><peripherals>${xml.join('')}</peripherals></device>`),
        'd.svd',
      );
      const region: Region = {
        name: 'map0',
        kind: 'mmio',
        address: '0x0',
        size: Number.MAX_SAFE_INTEGER,
        offset: 0,
        read: true,
        write: true,
        mmap: true,
      };
      const target = { address: 'uio0', regions: [region], isPhysical: true, find: () => region };
      const names = new RegisterNames(placeMap(map, parseMapReference('d.svd'), target));
      expect(names.all()).toHaveLength(parts.reduce((sum, { registers }) => sum + registers.length, 0));
      for (const [i, { registers }] of parts.entries())
        for (const { name, offset, bits } of registers) {
          const { location } = resolveLocation(`P${i}.${name}`, names);
          expect(location).toEqual({
            region: 'map0',
            offset: (plans[i]?.base ?? 0) * STEP * 4096 + offset,
            width: bits / 8,
          });
          resolved++;
        }
    }),
    { numRuns: 150 },
  );
  expect(resolved).toBeGreaterThan(1000);
});

/** Runs the parser, which may refuse a file and nothing else. @returns whether it took it */
function takes(text: string | Buffer): boolean {
  try {
    parseRegisterMap(Buffer.from(text as string), 'hostile');
    return true;
  } catch (error) {
    if (error instanceof UdrvError && error.exit === 2) return false;
    throw error;
  }
}

const TAGS = [
  'peripherals',
  'peripheral',
  'registers',
  'register',
  'cluster',
  'fields',
  'field',
  'enumeratedValues',
  'enumeratedValue',
  'vendorExtensions',
];
const LEAVES = [
  'name',
  'baseAddress',
  'addressOffset',
  'size',
  'dim',
  'dimIncrement',
  'dimIndex',
  'bitRange',
  'lsb',
  'msb',
  'bitWidth',
  'value',
  'access',
  'resetValue',
];
const leafText = fc.oneof(
  fc.constantFrom(
    '0',
    'A',
    'B',
    'A%s',
    '%s',
    '3',
    '[7:4]',
    '[1:9]',
    '0-3',
    'a,b',
    '#1x',
    '0xffffffffffffffff',
    '-1',
    '99999999999999999999999',
    '',
  ),
  fc.integer().map(String),
);
const leaf = fc.tuple(fc.constantFrom(...LEAVES), leafText).map(([tag, text]) => `<${tag}>${text}</${tag}>`);
const elementOf = (inner: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.constantFrom(...TAGS),
      fc.constantFrom('', ' derivedFrom="A"', ' derivedFrom="A.B"', ' derivedFrom="B.A.A"'),
      fc.array(inner, { maxLength: 4 }),
    )
    .map(
      ([tag, attribute, inside]) =>
        `<${tag}${attribute}><name>A</name><addressOffset>0</addressOffset><baseAddress>0</baseAddress>${inside.join('')}</${tag}>`,
    );
const element = elementOf(fc.oneof(leaf, elementOf(fc.oneof(leaf, elementOf(fc.oneof(leaf, elementOf(leaf)))))));

test('an SVD of any elements is taken or refused', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(element, { maxLength: 6 }), (elements) => {
      if (takes(`<device><name>D</name><peripherals>${elements.join('')}</peripherals></device>`)) taken++;
    }),
    { numRuns: 1000 },
  );
  expect(taken).toBeGreaterThan(50);
});

const word = fc.oneof(
  fc.constantFrom(
    'schema',
    'udrv.map/1',
    'csr_registers',
    'csr_bases',
    'constants',
    'peripherals',
    'name',
    'addr',
    'size',
  ),
  fc.string(),
);

test.each([
  ['bytes', fc.uint8Array().map((bytes) => Buffer.from(bytes))],
  ['text', anyText()],
  ['XML of any text', anyText().map((text) => `<device>${text}</device>`)],
  ['JSON', fc.json()],
  [
    'JSON that looks like a map',
    fc
      .tuple(
        fc.constantFrom(
          '"schema":"udrv.map/1","peripherals"',
          '"csr_registers"',
          '"csr_registers":{"a_b":{"addr":0,"size":1}},"constants"',
        ),
        fc.json(),
      )
      .map(([head, value]) => `{${head}:${value}}`),
  ],
  [
    'lines of csr.csv',
    fc
      .array(
        fc
          .tuple(fc.constantFrom('csr_base', 'csr_register', 'constant', 'memory_region'), word, word, word)
          .map((cells) => cells.join(',')),
      )
      .map((lines) => lines.join('\n')),
  ],
] as [string, fc.Arbitrary<string | Buffer>][])('%s: taken or refused', (_, texts) => {
  fc.assert(
    fc.property(texts, (text) => void takes(text)),
    { numRuns: 300 },
  );
});
