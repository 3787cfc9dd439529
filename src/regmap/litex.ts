import { type Budget, checkName, mapError } from './limits';
import type { NamedRegister, Peripheral, RegisterMap } from './model';

/**
 * The registers of a LiteX SoC as its builder exports them, csr.csv and csr.json (litex/soc/integration/export.py):
 * addresses are absolute, names `BANK_REGISTER`. A register that is wider than the CSR bus stands in several words, the
 * most significant first, each in a place of its own of `config_csr_alignment` bits.
 */
interface Export {
  bases: [name: string, address: bigint][];
  registers: ExportedRegister[];
  constants: Map<string, string>;
  /** The address of the memory region `csr`, which holds all banks; null: not told. */
  origin: bigint | null;
}

interface ExportedRegister {
  name: string;
  address: bigint;
  size: number;
  type: string;
}

/** Bits of the widest register; LiteX has keys of 256. */
const MOST_BITS = 1 << 16;

export function readLitexCsv(text: string, file: string, budget: Budget): RegisterMap {
  const found: Export = { bases: [], registers: [], constants: new Map(), origin: null };
  for (const line of text.split('\n')) {
    if (line.startsWith('#') || line.trim() === '') continue;
    budget.spend(1);
    const [group, name = '', address = '', size = '', type = ''] = line.split(',', 5).map((cell) => cell.trim());
    if (group === 'csr_base') found.bases.push([name, number(file, name, address)]);
    else if (group === 'csr_register')
      found.registers.push({ name, address: number(file, name, address), size: count(file, name, size), type });
    else if (group === 'constant') found.constants.set(name.toLowerCase(), address);
    else if (group === 'memory_region' && name === 'csr') found.origin = number(file, name, address);
  }
  if (found.bases.length + found.registers.length === 0) throw mapError(file, 'has no csr_base and no csr_register');
  return mapOf(found, file);
}

/** @param document the parsed JSON, an object */
export function readLitexJson(document: object, file: string, budget: Budget): RegisterMap {
  const part = (name: string): [string, unknown][] => {
    const value: unknown = Reflect.get(document, name);
    const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
    budget.spend(entries.length);
    return entries;
  };
  const property = (of: unknown, name: string): unknown =>
    typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
  const memory = part('memories').find(([name]) => name === 'csr')?.[1];
  return mapOf(
    {
      bases: part('csr_bases').map(([name, address]) => [name, number(file, name, address)]),
      registers: part('csr_registers').map(([name, one]) => ({
        name,
        address: number(file, name, property(one, 'addr')),
        size: count(file, name, property(one, 'size')),
        type: shown(property(one, 'type')),
      })),
      constants: new Map(part('constants').map(([name, value]) => [name.toLowerCase(), shown(value)])),
      origin: memory === undefined ? null : number(file, 'csr', property(memory, 'base')),
    },
    file,
  );
}

function mapOf({ bases, registers, constants, origin }: Export, file: string): RegisterMap {
  const addresses = new Map(bases);
  const banks = new Map<string, Bank>();
  for (const register of registers) {
    const name = bankOf(checkName(file, 'a register', register.name), addresses);
    const bank = banks.get(name) ?? { name, base: addresses.get(name) ?? origin ?? 0n, registers: [] };
    bank.registers.push(register);
    banks.set(name, bank);
  }
  const layout = wordLayout(constants, [...banks.values()], file);
  const peripherals = Array.from(banks.values(), (bank) => peripheral(bank, layout, file));
  const lowest = peripherals.map(({ base }) => base).reduce((a, b) => (b < a ? b : a), peripherals[0]?.base ?? 0n);
  return { format: 'litex', name: constants.get('config_identifier') || 'LiteX', base: origin ?? lowest, peripherals };
}

/** Returns the longest name of a bank that a register's begins with: `uart_phy` has registers too where `uart` has. */
function bankOf(register: string, banks: ReadonlyMap<string, bigint>): string {
  for (let end = register.lastIndexOf('_'); end > 0; end = register.lastIndexOf('_', end - 1))
    if (banks.has(register.slice(0, end))) return register.slice(0, end);
  return 'csr';
}

interface Bank {
  name: string;
  base: bigint;
  registers: ExportedRegister[];
}

interface Layout {
  /** Bits of a word that mean something; null: the file does not say. */
  wordBits: number | null;
  stride: number;
  sizesAreBits: boolean;
}

function wordLayout(constants: ReadonlyMap<string, string>, banks: readonly Bank[], file: string): Layout {
  const bits = (name: string): number | null => {
    const text = constants.get(`config_${name}`) ?? constants.get(name);
    if (text === undefined) return null;
    const value = Number(text);
    if (![8, 16, 32, 64].includes(value)) throw mapError(file, `its constant ${name} is no width of a bus: ${text}`);
    return value;
  };
  const wordBits = bits('csr_data_width');
  const stride = (bits('csr_alignment') ?? 32) / 8;
  return { wordBits, stride, sizesAreBits: wordBits !== null && sizesAreBits(banks, wordBits, stride) };
}

/**
 * Tells whether sizes are bits, as some versions had them, instead of words: by the places of registers that follow each
 * other. Words it is where nothing speaks against that.
 */
function sizesAreBits(banks: readonly Bank[], wordBits: number, stride: number): boolean {
  let bits = 0;
  let words = 0;
  for (const { registers } of banks) {
    const sorted = [...registers].sort((a, b) => (a.address < b.address ? -1 : 1));
    for (const [i, { address, size }] of sorted.entries()) {
      const next = sorted[i + 1];
      if (next === undefined) continue;
      const step = Number(next.address - address);
      const asWords = step === size * stride;
      const asBits = step === Math.ceil(size / wordBits) * stride;
      if (asWords && !asBits) words++;
      if (asBits && !asWords) bits++;
    }
  }
  return bits > words;
}

function peripheral({ name, base, registers }: Bank, layout: Layout, file: string): Peripheral {
  return { name, description: null, base, region: null, registers: registers.map((one) => register(one)) };

  function register({ name: fullName, address, size, type }: ExportedRegister): NamedRegister {
    const { stride, sizesAreBits } = layout;
    const offset = Number(address - base);
    if (!Number.isSafeInteger(offset) || offset < 0) throw mapError(file, `${fullName} is not in its bank, ${name}`);
    const wordBits = layout.wordBits ?? (size === 1 ? 8 * stride : null);
    if (wordBits === null)
      throw mapError(file, `has no constant config_csr_data_width, and ${fullName} is wider than a word`);
    const count = sizesAreBits ? Math.ceil(size / wordBits) : size;
    const bits = sizesAreBits ? size : size * wordBits;
    if (bits > MOST_BITS) throw mapError(file, `${fullName}: a register cannot have ${bits} bits`);
    return {
      name: fullName.startsWith(`${name}_`) ? fullName.slice(name.length + 1) : fullName,
      fullName,
      description: null,
      offset,
      bits,
      // A bus of 8 bits has its words in places of 32: one is not a register of 8 bits.
      ...((count > 1 || wordBits < 8 * stride) && { words: { count, bits: Math.min(wordBits, bits), stride } }),
      access: type === 'ro' ? 'read-only' : type === 'wo' ? 'write-only' : 'read-write',
      readAction: null,
      writeAction: null,
      resetValue: null,
      fields: [],
    };
  }
}

function number(file: string, name: string, value: unknown): bigint {
  const text = shown(value);
  if (/^(?:0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) return BigInt(text);
  throw mapError(file, `${name.slice(0, 80)}: its address is no number: ${text.slice(0, 40)}`);
}

function count(file: string, name: string, value: unknown): number {
  // Number() asks an object's own toString, which may be no function.
  const size = typeof value === 'object' ? Number.NaN : Number(value);
  if (Number.isInteger(size) && size >= 1 && size <= MOST_BITS) return size;
  throw mapError(file, `${name.slice(0, 80)}: its size is no number of words: ${shown(value).slice(0, 40)}`);
}

/** Returns a number or a text of the file as text. */
function shown(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : typeof value;
}
