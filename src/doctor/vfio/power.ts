import { pciPath } from '../../pci/paths';
import { type Check, command, type FunctionSubject } from '../check';

/** Power: a function that did not wake up, does not answer, or has its power cut. Reads nothing that would wake it. */
export const power: Check<FunctionSubject> = {
  ids: ['not-answering', 'resume-failed', 'power-off'],
  about: 'power',
  *run({ tree, device: { address }, config }) {
    const state = tree.text(pciPath(address, 'power_state'));
    const status = tree.text(pciPath(address, 'power/runtime_status'));
    const seen = [
      { path: pciPath(address, 'power_state'), value: state ?? 'unknown' },
      ...(status === null ? [] : [{ path: pciPath(address, 'power/runtime_status'), value: status }]),
    ];
    const wake = command(`echo on | sudo tee ${pciPath(address, 'power/control')}`);
    const rescan = command(`echo 1 | sudo tee ${pciPath(address, 'remove')} && echo 1 | sudo tee /sys/bus/pci/rescan`);
    const proof = `cat ${pciPath(address, 'power_state')}`;
    if (status === 'error')
      yield {
        id: 'resume-failed',
        severity: 'blocks',
        seen,
        means: 'The kernel could not wake the device the last time.',
        prevents: 'opening it',
        mend: [rescan],
        proof,
      };
    else if (state === 'D3cold')
      yield {
        id: 'power-off',
        severity: 'limits',
        seen,
        means:
          status === 'suspended'
            ? 'The device is asleep with its power cut, and is woken when it is opened. Some devices do not come back.'
            : 'The power of the device is cut.',
        prevents: 'its registers and configuration space: they read as all ones meanwhile',
        mend: [wake],
        proof,
      };
    else if (state === 'D0' && isAllOnes())
      yield {
        id: 'not-answering',
        severity: 'blocks',
        seen: [{ path: pciPath(address, 'config'), value: 'all ones' }, ...seen],
        means: 'The device does not answer: it lost its link or its power, or a reset went wrong.',
        prevents: 'every use of it',
        mend: [rescan],
        proof: `udrv vfio config ${address}`,
      };

    /** A virtual function has no vendor of its own: its bytes are all ones. A link of 63 lanes is all ones too. */
    function isAllOnes(): boolean {
      if (tree.linkName(pciPath(address, 'physfn')) !== null) return false;
      return (
        config(address, 0, 2)?.readUInt16LE(0) === 0xffff || tree.number(pciPath(address, 'current_link_width')) === 63
      );
    }
  },
};
