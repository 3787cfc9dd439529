import { Exit, type ExitCode, type SysError, UdrvError } from '../../errors';
import { AttributeReader } from '../../sys/readers/attributes';
import type { MemoryOptions, SysTree } from '../../sys/sys';
import { sizeText } from '../../text/size';

const NODES = '/sys/devices/system/node';
/** Pools of huge pages of all nodes; each node has such a directory too. Documentation/admin-guide/mm/hugetlbpage.rst */
const POOLS = '/sys/kernel/mm/hugepages';

/** Says why the kernel gave no memory of the asked kind, and what makes it give some. */
export function pagesRefused(
  tree: SysTree,
  device: string,
  { length, hugePage, numaNode }: MemoryOptions & { length: number },
  { code }: SysError,
): UdrvError {
  const refused = (message: string, exit: ExitCode, hint?: string) =>
    new UdrvError(message, { code, exit, hint, subject: device, device });
  const reader = new AttributeReader(tree);
  const hasNode = numaNode === undefined || tree.access(`${NODES}/node${numaNode}`) !== null;
  if (!hasNode) {
    const nodes = reader
      .names(NODES)
      .sort()
      .filter((name) => /^node\d+$/.test(name));
    return refused(`there is no NUMA node ${numaNode}`, Exit.unsupported, listed('the nodes here:', nodes));
  }
  if (hugePage === undefined) return refused(`no memory on NUMA node ${numaNode} for ${length} bytes`, Exit.failed);
  const pool = `hugepages-${hugePage / 1024}kB`;
  const pools = reader.names(POOLS).sort();
  if (!pools.includes(pool)) {
    const sizes = pools.map((name) => sizeText(Number(/^hugepages-(\d+)kB$/.exec(name)?.[1]) * 1024));
    return refused(
      `the kernel has no huge pages of ${sizeText(hugePage)}`,
      Exit.unsupported,
      listed('the sizes here:', sizes),
    );
  }
  const path = numaNode === undefined ? `${POOLS}/${pool}` : `${NODES}/node${numaNode}/hugepages/${pool}`;
  const needed = Math.ceil(length / hugePage);
  const free = reader.number(`${path}/free_hugepages`);
  const total = reader.number(`${path}/nr_hugepages`);
  const where = numaNode === undefined ? '' : ` on NUMA node ${numaNode}`;
  return refused(
    `${needed} huge pages of ${sizeText(hugePage)} are needed${where}, ${free ?? 'too few'} are free`,
    Exit.failed,
    free === null || total === null || free >= needed
      ? undefined
      : `echo ${total - free + needed} | sudo tee ${path}/nr_hugepages`,
  );
}

function listed(what: string, items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : `${what} ${items.join(', ')}`;
}
