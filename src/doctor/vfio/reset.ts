import { pciPath } from '../../pci/paths';
import type { Check, FunctionSubject } from '../check';

/** Ways to reset the function: an empty list means that it keeps its state from one program to the next. */
export const reset: Check<FunctionSubject> = {
  ids: ['no-reset'],
  about: 'reset',
  *run({ tree, device: { address } }) {
    // Kernels before 5.15 do not tell, and a function without any has no such file.
    const methods = tree.bytes(pciPath(address, 'reset_method'))?.toString('utf8').trim();
    if (methods !== '') return;
    yield {
      id: 'no-reset',
      severity: 'note',
      seen: [{ path: pciPath(address, 'reset_method'), value: 'empty' }],
      means: 'Every way to reset the device is switched off: it keeps its state from one program to the next.',
      prevents: 'udrv vfio reset, and a clean start',
      mend: [{ kind: 'command', text: `echo default | sudo tee ${pciPath(address, 'reset_method')}` }],
      proof: `cat ${pciPath(address, 'reset_method')}`,
    };
  },
};
