import type { Scope } from '../../session/scope';
import { VERBS } from '../../session/steps';
import type { Verb, WordKind } from '../../session/steps/verb';
import { VFIO_IRQ_NAMES } from '../../vfio/device/irq-set';

/** Words of the shell that are no steps. */
export const SHELL_WORDS = ['help', 'exit'] as const;

/** Returns the verbs that a device knows. */
export function verbsFor(scope: Scope): (readonly [name: string, verb: Verb])[] {
  return Object.entries(VERBS).filter(([, verb]) => verb.for.includes(scope.info.framework));
}

/**
 * Completes the last word of a line.
 *
 * @returns what it may become, and the part of the line that is replaced
 */
export function complete(line: string, scope: Scope): [candidates: string[], part: string] {
  const step = /[^;{]*$/.exec(line)?.[0].trimStart() ?? '';
  const words = step.split(/\s+/);
  const part = words.pop() ?? '';
  const [verb] = words;
  const all = verb === undefined ? firstWords(scope) : candidates(verb, words.length - 1, words, scope);
  return [all.filter((word) => word.startsWith(part)), part];
}

function firstWords(scope: Scope): string[] {
  return [...verbsFor(scope).map(([name]) => name), 'repeat', ...SHELL_WORDS].map((word) => `${word} `);
}

function candidates(name: string, index: number, words: readonly string[], scope: Scope): string[] {
  if (name === 'help') return index === 0 ? Object.keys(VERBS) : [];
  const takes = Object.hasOwn(VERBS, name) ? (VERBS[name]?.takes ?? []) : [];
  // REGION OFFSET are two words for one location.
  const isApart = takes[0] === 'location' && words[1] !== undefined && !words[1].includes(':');
  const at = isApart ? index - 1 : index;
  if (isApart && index === 1) return [];
  const kind = takes[at] ?? (name === 'write' ? takes.at(-1) : undefined);
  return kind === undefined ? [] : wordsOf(kind, scope);
}

/** Lists the words of a kind that the device or the session has now. */
function wordsOf(kind: WordKind, { info, regions, buffers, irqs }: Scope): string[] {
  const names = [...buffers.keys()];
  switch (kind) {
    case 'location':
      return [...regions.map(({ name }) => name), ...names].map((name) => `${name}:`);
    case 'buffer':
    case 'value':
      return names;
    case 'switch':
      return ['on', 'off'];
    case 'access':
      return ['rw', 'r', 'w'];
    case 'irq':
      return info.framework === 'uio' ? ['on', 'off', ...irqs] : [...VFIO_IRQ_NAMES];
    case 'endpoint':
      return info.framework !== 'usb'
        ? []
        : info.usb.interfaces.flatMap(({ active, endpoints }) =>
            active ? endpoints.map(({ address }) => address) : [],
          );
    case 'interface':
      return info.framework !== 'usb' ? [] : [...new Set(info.usb.interfaces.map((one) => `${one.number}`))];
    case 'other':
      return [];
  }
}
