import { pciPath } from '../../pci/paths';
import type { Check, FunctionSubject } from '../check';
import type { Evidence } from '../evidence';

const INPUTS = '/sys/class/input';

/** A USB controller that has the only keyboards of the machine behind it. */
export const keyboard: Check<FunctionSubject> = {
  ids: ['only-keyboard'],
  about: 'keyboard',
  *run({ tree, device: { address, driver } }) {
    if (driver === null || tree.hex(pciPath(address, 'class'), 6)?.startsWith('0c03') !== true) return;
    const keyboards = keyboardsOf(tree);
    const behind = keyboards.filter(({ link }) => link.split('/').includes(address));
    if (behind.length === 0 || behind.length < keyboards.length) return;
    yield {
      id: 'only-keyboard',
      severity: 'limits',
      seen: behind.map(({ name, link }) => ({ path: `${INPUTS}/${name}`, value: link })),
      means: 'The only keyboard of the machine is behind this USB controller: without its driver nobody can type.',
      prevents: 'work at the console while the controller is away',
      mend: [
        { kind: 'firmware', text: 'plug the keyboard in to another controller, or log in over the network first' },
      ],
      proof: null,
    };
  },
};

/** Finds keyboards: inputs with an LED for Caps Lock, or an AT keyboard's port. Buttons of the case have none. */
function keyboardsOf(tree: Evidence): { name: string; link: string }[] {
  return tree
    .names(INPUTS)
    .filter((name) => /^input\d+$/.test(name))
    .map((name) => ({ name, link: tree.link(`${INPUTS}/${name}`) ?? '' }))
    .filter(({ name, link }) => /\/serio0\//.test(link) || hasCapsLock(tree, name));
}

/** LED_CAPSL is bit 1 of the bitmap (input-event-codes.h). */
function hasCapsLock(tree: Evidence, name: string): boolean {
  const word = /[0-9a-f]+$/.exec(tree.text(`${INPUTS}/${name}/capabilities/led`) ?? '')?.[0];
  return word !== undefined && (Number.parseInt(word.slice(-1), 16) & 2) !== 0;
}
