import type { Region } from '../model/device';
import { attempt } from '../sys/attempt';
import type { AttributeReader } from '../sys/readers/attributes';
import { hex } from '../text/hex';

/**
 * Drivers export whole pages, and an access behind the last register may end in SIGBUS. The device tree and the BARs
 * have the sizes of the registers themselves.
 */
export type RegisterSizes = (region: Region) => number | null;

const DEVICE_TREE = '/sys/firmware/devicetree/base';

/** The largest page that Linux has anywhere: a driver adds less than that to a size. */
const LARGEST_PAGE = 64 * 1024;

/** Returns a region with the size of its registers, where that is smaller than what is mapped. */
export function withRegisters(region: Region, size: number | null): Region {
  const mapped = region.size - region.offset;
  const isRounded = size !== null && size > 0 && size < mapped && mapped - size < LARGEST_PAGE;
  return isRounded ? { ...region, registers: size } : region;
}

/** Finds sizes by the BARs of a PCI function. */
export function barSizes(bars: readonly Region[]): RegisterSizes {
  return (region) => {
    const first = firstRegister(region);
    return bars.find(({ name, address }) => name.startsWith('bar') && address === first)?.size ?? null;
  };
}

/** Returns the address of the first register: a map has it as a page and an offset. */
export function firstRegister({ address, offset }: Region): string | null {
  if (address === null || BigInt(address) % 4096n !== 0n) return address;
  return hex(BigInt(address) + BigInt(offset));
}

/**
 * Finds sizes by the `reg` of a device tree's node: pairs of address and size, in cells of 32 bits, big-endian
 * (Devicetree Specification 0.4, 2.3.6). The bus may translate the address, but not where in a page it is.
 *
 * @param dir of the UIO device; uio_pdrv_genirq numbers its maps in the order of `reg`
 */
export function treeSizes(reader: AttributeReader, dir: string): RegisterSizes {
  const node = nodePath(reader, `${dir}/device/of_node`);
  const reg = node === null ? null : reader.bytes(`${node}/reg`);
  if (node === null || reg === null) return () => null;
  const bus = node.slice(0, node.lastIndexOf('/'));
  const cells = (attribute: string) => {
    const cell = reader.bytes(`${bus}/${attribute}`);
    return cell?.length === 4 ? cell.readUInt32BE() : null;
  };
  const [addressCells, sizeCells] = [cells('#address-cells'), cells('#size-cells')];
  if (
    addressCells === null ||
    sizeCells === null ||
    addressCells < 1 ||
    addressCells > 3 ||
    sizeCells < 1 ||
    sizeCells > 2
  )
    return () => null;
  const length = 4 * (addressCells + sizeCells);
  return ({ name, offset }) => {
    const at = Number(/^map(\d)$/.exec(name)?.[1] ?? Number.NaN) * length;
    if (!(at + length <= reg.length)) return null;
    const sizeAt = at + 4 * addressCells;
    const size = sizeCells === 1 ? reg.readUInt32BE(sizeAt) : Number(reg.readBigUInt64BE(sizeAt));
    return reg.readUInt32BE(sizeAt - 4) % 4096 === offset % 4096 ? size : null;
  };
}

/** Returns the path of a node by a device's `of_node` link, without links, so that the bus is the directory above. */
function nodePath(reader: AttributeReader, link: string): string | null {
  // In a copied tree it may be a directory, without the bus above it: nothing to note.
  const target = attempt(() => reader.sys.readLink(link), null);
  const path = target === null ? null : /\/firmware\/devicetree\/base(\/.*)$/.exec(target)?.[1];
  return path == null ? null : DEVICE_TREE + path;
}
