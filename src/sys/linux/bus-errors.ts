import { PROT_EXEC, PROT_READ, SA_SIGINFO, SIGBUS, sigaction } from '../../uapi/libc';
import type { Mapping, Unanswered, Width, Word } from '../sys';

/**
 * The handler of the signal, in the machine's code, as JavaScript cannot run in the middle of an access of its own. It puts
 * ordinary memory into the place of each mapping in a table that the address lies in, or of all where the processor gives
 * none, and marks it: the access comes back, with 0, and whoever made it looks at the mark. Any other SIGBUS ends the
 * process as ever. The sources are test/unit/sys/bus-errors; the first 8 bytes are for the table's address.
 */
const HANDLERS: Partial<Record<NodeJS.Architecture, string>> = {
  x64: 'AAAAAAAAAABIix3x////TItmEEUx7UiLO0iF/3RFSItzCE2F5HQKSTn8cjFJOfRzLEgp/roDAAAAQboyAAAASYPI/0UxybgJAAAADwVIhcB4C0jHQxABAAAAQf/FSIPDGOuzRYXtdRe/BwAAAEiJ3jHSQboIAAAAuA0AAAAPBcM=',
  arm64:
    'AAAAAAAAAADJ//9YKghA+QsAgNIgAUD5YAIAtCEFQPmqAAC0XwEA66MBAFRfAQHrYgEAVCEAAMtiAIDSQwaA0gQAgJIFAIDSyBuA0gEAANRgAPi3KwCA0isJAPkpYQCR7f//F+sAALXgAIDS4QMJqgIAgNIDAYDSyBCA0gEAANTAA1/W',
};

/** Returns the handler's code, the first 8 bytes of it zeros; undefined where there is none for the architecture. */
export function handlerCode(architecture: NodeJS.Architecture): Buffer | undefined {
  const code = HANDLERS[architecture];
  return code === undefined ? undefined : Buffer.from(code, 'base64');
}

/** An entry of the table, of 64 bits each: the first address, the one behind the last, and the mark. */
const ENTRY = { size: 24, start: 0, end: 1, mark: 4 } as const;
/** Entries of the table, zeros behind the last: those end it, and are the action that the handler sets for other signals. */
const ENTRIES = 2700;
const TABLE_SIZE = 65_536;
/** In a free entry between others: no address lies in it, and nothing can be put there. */
const FREE = 1n;

/** The calls of the C library that it takes. */
export interface BusErrorCalls {
  /** Gets private memory, zeroed, and its address. */
  allocate(length: number): bigint;
  /** The memory at an address. */
  view(address: bigint, length: number): ArrayBuffer;
  protect(address: bigint, length: number, protection: number): boolean;
  sigaction(signal: number, action: Buffer): boolean;
}

/** Mappings of device memory in which an access that nothing answers is an error, and not the end of the process. */
export class BusErrors {
  readonly #entries: BigUint64Array;
  readonly #marks: Uint32Array;
  #used = 0;

  private constructor(table: ArrayBuffer) {
    this.#entries = new BigUint64Array(table);
    this.#marks = new Uint32Array(table);
  }

  /** Takes the process's signal; null where that cannot be had, as where memory may not become code. */
  static install(calls: BusErrorCalls, architecture = process.arch): BusErrors | null {
    const code = handlerCode(architecture);
    if (code === undefined) return null;
    const table = calls.allocate(TABLE_SIZE);
    // A multiple of every page size.
    const program = calls.allocate(TABLE_SIZE);
    code.writeBigUInt64LE(table);
    code.copy(Buffer.from(calls.view(program, TABLE_SIZE)));
    if (!calls.protect(program, TABLE_SIZE, PROT_READ | PROT_EXEC)) return null;
    const action = Buffer.alloc(sigaction.size);
    action.writeBigUInt64LE(program + 8n, sigaction.handler);
    action.writeInt32LE(SA_SIGINFO, sigaction.flags);
    return calls.sigaction(SIGBUS, action) ? new BusErrors(calls.view(table, TABLE_SIZE)) : null;
  }

  /**
   * Guards a mapping. Where the table is full, as no program has it, it is returned as it is.
   *
   * @param unanswered makes the error of an access that nothing answers; each later one of the mapping has it too
   */
  guard(mapping: Mapping, address: bigint, unanswered: Unanswered): Mapping {
    const entry = this.#take(address, BigInt(mapping.length));
    if (entry === undefined) return mapping;
    let isOpen = true;
    const marks = this.#marks;
    const mark = entry * (ENTRY.size / 4) + ENTRY.mark;
    const check = (offset: number, width: Width) => {
      if (marks[mark] !== 0) throw unanswered(offset, width);
    };
    return {
      length: mapping.length,
      read(offset, width) {
        const word = mapping.read(offset, width);
        check(offset, width);
        return word;
      },
      write(offset, width, value) {
        mapping.write(offset, width, value);
        check(offset, width);
      },
      reader(offset, width) {
        const read = mapping.reader(offset, width);
        return (): Word => {
          const word = read();
          check(offset, width);
          return word;
        };
      },
      writer(offset, width) {
        const write = mapping.writer(offset, width);
        return (value) => {
          write(value);
          check(offset, width);
        };
      },
      close: () => {
        // Before the unmapping: the addresses may be somebody else's afterwards.
        if (isOpen) this.#release(entry);
        isOpen = false;
        mapping.close();
      },
    };
  }

  #take(address: bigint, length: bigint): number | undefined {
    let entry = 0;
    while (entry < this.#used && this.#entries[entry * (ENTRY.size / 8)] !== FREE) entry++;
    if (entry === ENTRIES) return undefined;
    const at = entry * (ENTRY.size / 8);
    this.#marks[entry * (ENTRY.size / 4) + ENTRY.mark] = 0;
    this.#entries[at + ENTRY.end] = address + length;
    this.#entries[at + ENTRY.start] = address;
    this.#used = Math.max(this.#used, entry + 1);
    return entry;
  }

  #release(entry: number): void {
    const at = entry * (ENTRY.size / 8);
    this.#entries[at + ENTRY.start] = FREE;
    this.#entries[at + ENTRY.end] = FREE;
  }
}
