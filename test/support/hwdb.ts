/** Writes a hwdb.bin as systemd-hwdb does: a trie of patterns, each with properties. */
interface TrieNode {
  prefix: string;
  children: [byte: number, node: TrieNode][];
  properties: [key: string, value: string][];
}

type Entry = readonly [pattern: string, properties: Readonly<Record<string, string>>];

export function hwdbBin(entries: Readonly<Record<string, Readonly<Record<string, string>>>>): Buffer {
  const root = trie(Object.entries(entries));
  const [nodeSize, childSize, valueSize, headerSize] = [24, 16, 32, 80];
  const pieces: Buffer[] = [Buffer.alloc(headerSize)];
  let length = headerSize;
  const append = (piece: Buffer) => {
    pieces.push(piece);
    length += piece.length;
    return length - piece.length;
  };
  const text = (value: string) => append(Buffer.from(`${value}\0`));
  // Children before their node: its entries need their offsets.
  const write = ({ prefix, children, properties }: TrieNode): number => {
    const nodes = children.map(([byte, child]) => [byte, write(child)] as const);
    const values = properties.map(([key, value]) => [text(` ${key}`), text(value)] as const);
    const prefixAt = prefix === '' ? 0 : text(prefix);
    const bytes = Buffer.alloc(nodeSize + nodes.length * childSize + values.length * valueSize);
    bytes.writeBigUInt64LE(BigInt(prefixAt), 0);
    bytes.writeUInt8(nodes.length, 8);
    bytes.writeBigUInt64LE(BigInt(values.length), 16);
    for (const [i, [byte, at]] of nodes.entries()) {
      bytes.writeUInt8(byte, nodeSize + i * childSize);
      bytes.writeBigUInt64LE(BigInt(at), nodeSize + i * childSize + 8);
    }
    for (const [i, [key, value]] of values.entries()) {
      bytes.writeBigUInt64LE(BigInt(key), nodeSize + nodes.length * childSize + i * valueSize);
      bytes.writeBigUInt64LE(BigInt(value), nodeSize + nodes.length * childSize + i * valueSize + 8);
    }
    return append(bytes);
  };
  const rootAt = write(root);
  const file = Buffer.concat(pieces);
  file.write('KSLPHHRH', 'latin1');
  for (const [i, value] of [252, file.length, headerSize, nodeSize, childSize, valueSize, rootAt].entries())
    file.writeBigUInt64LE(BigInt(value), 8 + i * 8);
  return file;
}

function trie(entries: readonly Entry[]): TrieNode {
  const [[first = ''] = []] = entries;
  let width = first.length;
  for (const [pattern] of entries) while (!pattern.startsWith(first.slice(0, width))) width--;
  const node: TrieNode = { prefix: first.slice(0, width), children: [], properties: [] };
  const below = new Map<string, Entry[]>();
  for (const [pattern, properties] of entries) {
    const byte = pattern.charAt(width);
    if (byte === '') node.properties = Object.entries(properties);
    else below.set(byte, [...(below.get(byte) ?? []), [pattern.slice(width + 1), properties]]);
  }
  for (const [byte, inner] of [...below].sort()) node.children.push([byte.charCodeAt(0), trie(inner)]);
  return node;
}
