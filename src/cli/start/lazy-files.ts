import { readFileSync } from 'node:fs';
import { Script } from 'node:vm';

/** The code caches of this user, by the name of what they are for. */
export interface CodeCaches {
  /** Set where this process runs a command; a program that uses the library loads its files as Node does. */
  isCommand: boolean;
  read(name: string): Uint8Array | undefined;
  /** @param make is called only where it can be written */
  write(name: string, make: () => Buffer): void;
}

/** Bytes that V8 wants its data aligned to; it copies what is not. */
const ALIGNMENT = 8;

/** The end of a file that is a function and its call: build.config.cjs. */
const CALL = '(exports,require,module,__dirname)';

/** Run by themselves: start.ts keeps caches of their main files. */
const STARTS = ['./start.js', './command-line.js'];

type Run = (exports: unknown, require: (path: string) => unknown, module: NodeJS.Module, __dirname: string) => void;

/**
 * Returns a `require` for the files beside main.js: it runs them with what V8 kept of them. To compile them takes a third
 * of the time of a command, and Node's way to a file half a millisecond.
 *
 * A file that is loaded where it is needed has one cache together with those that it requires first of all; each is in
 * `require.cache` as if Node had loaded it, because the library's entries require some of them too.
 */
export function lazyFiles(
  parent: NodeJS.Module,
  plain: NodeJS.Require,
  caches: CodeCaches | null,
): (path: string) => unknown {
  if (caches === null) return plain;
  /** The cache of the files that command-line.main.js requires first of all. */
  let ofCommandLine: Pack | undefined;
  const grown = new Set<Pack>();
  const load = (path: string, packed?: Pack): unknown => {
    if (!path.startsWith('./') || STARTS.includes(path)) return plain(path);
    const filename = parent.path + path.slice(1);
    const loaded = plain.cache[filename];
    if (loaded !== undefined) return loaded.exports;
    const text = readFileSync(filename, 'utf8');
    // Only Node's own way gives a script an import().
    if (!text.endsWith(CALL)) return plain(path);
    const pack = packed ?? new Pack(path.slice(2, -'.js'.length), caches);
    // The function alone. No copy: these texts are most of what a command allocates, and each collection takes 5 ms.
    const script = pack.compile(path, filename, text.slice(0, -CALL.length));
    if (pack.hasGrown && !grown.has(pack)) {
      if (grown.size === 0)
        process.once('exit', () => {
          for (const each of grown) each.write();
        });
      grown.add(pack);
    }
    const module = new (parent.constructor as new (id: string, parent: NodeJS.Module) => NodeJS.Module)(
      filename,
      parent,
    );
    module.filename = filename;
    module.paths = parent.paths;
    plain.cache[filename] = module;
    try {
      (script.runInThisContext() as Run)(module.exports, (other) => load(other, pack), module, parent.path);
    } catch (error) {
      delete plain.cache[filename];
      throw error;
    }
    module.loaded = true;
    return module.exports;
  };
  parent.exports.ofCommandLine = (path: string) => {
    ofCommandLine ??= new Pack('command-line', caches);
    return load(path, ofCommandLine);
  };
  return (path) => (caches.isCommand ? load(path) : plain(path));
}

/** The caches of several files, in one. Its form: an index in JSON with its length before it, and what V8 keeps of each. */
class Pack {
  hasGrown = false;
  readonly #name: string;
  readonly #caches: CodeCaches;
  readonly #kept: Map<string, Uint8Array>;
  readonly #fresh = new Map<string, Script>();

  constructor(name: string, caches: CodeCaches) {
    this.#name = name;
    this.#caches = caches;
    this.#kept = unpack(caches.read(name));
  }

  compile(path: string, filename: string, source: string): Script {
    const cachedData = this.#kept.get(path);
    const script = new Script(source, { filename, ...(cachedData && { cachedData }) });
    if (cachedData === undefined || script.cachedDataRejected) {
      this.#fresh.set(path, script);
      this.hasGrown = true;
    }
    return script;
  }

  write(): void {
    this.#caches.write(this.#name, () =>
      pack(
        new Map([
          ...this.#kept,
          ...[...this.#fresh].map(([path, script]) => [path, script.createCachedData()] as const),
        ]),
      ),
    );
  }
}

function pack(kept: ReadonlyMap<string, Uint8Array>): Buffer {
  const lengths = JSON.stringify([...kept].map(([path, { length }]) => [path, length]));
  const head = Buffer.alloc(aligned(4 + lengths.length));
  head.writeUInt32LE(lengths.length);
  head.write(lengths, 4, 'latin1');
  const padded = [...kept.values()].map((data) => Buffer.concat([data], aligned(data.length)));
  return Buffer.concat([head, ...padded]);
}

function unpack(content: Uint8Array | undefined): Map<string, Uint8Array> {
  const kept = new Map<string, Uint8Array>();
  if (content === undefined) return kept;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.length);
  const length = bytes.readUInt32LE();
  let offset = aligned(4 + length);
  for (const [path, size] of JSON.parse(bytes.toString('latin1', 4, 4 + length)) as [string, number][]) {
    kept.set(path, bytes.subarray(offset, offset + size));
    offset += aligned(size);
  }
  return kept;
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
