import { SysError } from '../../src/errors';
import type { Sys } from '../../src/sys/sys';
import { TreeSys } from '../support/tree-sys';

export const PHYSICAL = '0000:03:00.0';
const DEVICES = '/sys/bus/pci/devices';
const MOST = 4;

/** A machine with a network card that makes virtual functions, which the simulation has none of. */
class SriovMachine extends TreeSys {
  #count = 0;
  #probes = '1';

  constructor(count: number) {
    super();
    const dir = `${DEVICES}/${PHYSICAL}`;
    this.#function(PHYSICAL);
    this.add({
      [`${dir}/driver`]: { link: '../../../bus/pci/drivers/ice' },
      [`${dir}/sriov_totalvfs`]: `${MOST}\n`,
      [`${dir}/sriov_numvfs`]: () => `${this.#count}\n`,
      [`${dir}/sriov_drivers_autoprobe`]: () => `${this.#probes}\n`,
      '/proc/self/mountinfo': '',
      '/proc/swaps': '',
    });
    this.#change(count);
  }

  override access(): 'rw' {
    return 'rw';
  }

  override writeFile(path: string, value: string): void {
    if (path.endsWith('/sriov_drivers_autoprobe')) this.#probes = value;
    else if (path.endsWith('/sriov_numvfs')) this.#change(Number(value));
    else super.writeFile(path, value);
  }

  /** By way of 0 alone: sriov_numvfs_store(). */
  #change(count: number): void {
    if (count !== 0 && this.#count !== 0 && count !== this.#count) throw new SysError('write', 'EBUSY', 'sriov_numvfs');
    for (let i = 0; i < MOST; i++) {
      const [address, link] = [`0000:03:00.${i + 1}`, `${DEVICES}/${PHYSICAL}/virtfn${i}`];
      if (i < count && i >= this.#count) {
        this.#function(address);
        this.add({ [link]: { link: `../${address}` }, [`${DEVICES}/${address}/physfn`]: { link: `../${PHYSICAL}` } });
      } else if (i >= count && i < this.#count)
        for (const gone of [link, `${DEVICES}/${address}`]) this.tree.delete(gone);
    }
    this.#count = count;
  }

  #function(address: string): void {
    this.add({ '/vendor': '0x8086\n', '/device': '0x1592\n', '/class': '0x020000\n' }, `${DEVICES}/${address}`);
  }
}

/** @param count virtual functions that the card has already */
export const sriovMachine = (count: number) => (): Sys => new SriovMachine(count);
