import { pciPath } from '../../pci/paths';
import type { Check } from '../check';
import { command } from '../check';
import { functionOf } from '../function-of';

const NODES = '/sys/devices/system/node';
const POOL = 'hugepages/hugepages-2048kB';

/** Huge pages that are reserved on other NUMA nodes than the device's, or all in use. */
export const hugepages: Check = {
  ids: ['hugepages-elsewhere', 'hugepages-used-up'],
  about: 'huge pages',
  *run({ tree, device }) {
    const nodes = tree.names(NODES).filter((name) => /^node\d+$/.test(name));
    const pools = nodes.map((name) => ({
      name,
      total: tree.number(`${NODES}/${name}/${POOL}/nr_hugepages`) ?? 0,
      free: tree.number(`${NODES}/${name}/${POOL}/free_hugepages`) ?? 0,
    }));
    const total = pools.reduce((sum, pool) => sum + pool.total, 0);
    if (total === 0) return;
    const address = functionOf(device);
    const own = address === null ? null : tree.number(pciPath(address, 'numa_node'));
    const near = pools.find(({ name }) => name === `node${own}`);
    const seen = pools.map(({ name, free, total: all }) => ({
      path: `${NODES}/${name}/${POOL}/free_hugepages`,
      value: `${free} of ${all}`,
    }));
    const path = `${NODES}/${near?.name ?? 'node0'}/${POOL}/nr_hugepages`;
    const more = { mend: [command(`echo ${total} | sudo tee ${path}`)], proof: `cat ${path}`, seen };
    if (near !== undefined && near.total === 0)
      yield {
        id: 'hugepages-elsewhere',
        severity: 'note',
        means: `The device is on NUMA node ${own}, which has no huge pages of 2 MiB; other nodes have.`,
        prevents: 'huge pages near the device',
        ...more,
      };
    else if (pools.every(({ free }) => free === 0))
      yield {
        id: 'hugepages-used-up',
        severity: 'note',
        means: `All ${total} huge pages of 2 MiB are in use.`,
        prevents: 'buffers of huge pages',
        ...more,
        mend: [command(`echo ${2 * total} | sudo tee /proc/sys/vm/nr_hugepages`)],
        proof: 'grep HugePages_Free /proc/meminfo',
      };
  },
};
