import { Errno } from './errno';

const SIZE = 2 * 1024 * 1024;
const POOLS = [
  '/sys/kernel/mm/hugepages/hugepages-2048kB',
  '/sys/devices/system/node/node0/hugepages/hugepages-2048kB',
];

/** The one pool of huge pages, those of 2 MiB on the one NUMA node. */
export class HugePages {
  #total = 8;
  #used = 0;

  constructor(setAttribute: (path: string, attribute: { show(): string; store?(text: string): void }) => void) {
    for (const pool of POOLS) {
      setAttribute(`${pool}/free_hugepages`, { show: () => String(this.#total - this.#used) });
      setAttribute(`${pool}/nr_hugepages`, {
        show: () => String(this.#total),
        // The kernel keeps the pages that are in use, and reports no error.
        store: (text) => {
          if (!/^\d+\n?$/.test(text)) throw new Errno('EINVAL');
          this.#total = Math.max(this.#used, Math.min(Number(text), 512));
        },
      });
    }
  }

  /**
   * Takes whole pages for a length.
   *
   * @throws Errno EINVAL for another size of page, ENOMEM where fewer are free
   */
  take(length: number, size: number): { bytes: number; giveBack(): void } {
    if (size !== SIZE) throw new Errno('EINVAL');
    const pages = Math.ceil(length / SIZE);
    if (pages > this.#total - this.#used) throw new Errno('ENOMEM');
    this.#used += pages;
    return {
      bytes: pages * SIZE,
      giveBack: () => {
        this.#used -= pages;
      },
    };
  }
}
