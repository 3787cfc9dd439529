import { SysError, UdrvError } from '../../errors';
import type { ResolvedLocation } from '../../regmap/names';
import type { Scope } from '../../session/scope';
import { VERBS } from '../../session/steps';
import type { Verb, WordKind } from '../../session/steps/verb';
import { VFIO_IRQ_NAMES } from '../../vfio/device/irq-set';
import { visible } from '../output/escape';

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
  const all = verb === undefined ? firstWords(scope) : candidates(verb, words, part, scope);
  return [all.filter((word) => word.startsWith(part)), part];
}

function firstWords(scope: Scope): string[] {
  return [...verbsFor(scope).map(([name]) => name), 'repeat', ...SHELL_WORDS].map((word) => `${word} `);
}

/** @param words those before the part */
function candidates(name: string, words: readonly string[], part: string, scope: Scope): string[] {
  const index = words.length - 1;
  if (name === 'help') return index === 0 ? Object.keys(VERBS) : [];
  const takes = Object.hasOwn(VERBS, name) ? (VERBS[name]?.takes ?? []) : [];
  // REGION OFFSET are two words for one location.
  const isApart = takes[0] === 'location' && words[1] !== undefined && scope.knows(words[1]);
  const at = isApart ? index - 1 : index;
  if (isApart && index === 1) return [];
  const kind = takes[at] ?? (name === 'write' ? takes.at(-1) : undefined);
  if (kind === undefined) return [];
  if (kind === 'register' || kind === 'location') return [...wordsOf(kind, scope), ...registerWords(kind, part, scope)];
  if (kind === 'value' && takes[0] === 'location')
    return [...wordsOf(kind, scope), ...valueWords(words[1] ?? '', scope)];
  return wordsOf(kind, scope);
}

/** Lists names of registers, with their peripherals from its first letters on, and of fields behind a dot. */
function registerWords(kind: WordKind, part: string, scope: Scope): string[] {
  const names = quietly(() => scope.names()) ?? null;
  if (names === null) return [];
  const around = part.slice(0, Math.max(0, part.lastIndexOf('.')));
  const found = around === '' || kind === 'register' ? null : resolved(around, scope);
  const fields = found?.field === null ? found.register.fields.map((field) => `${around}.${field.name}`) : [];
  const registers = names
    .all()
    .flatMap(({ peripheral, register }) => [
      register.name,
      ...(part === '' ? [] : [`${peripheral.name}.${register.name}`]),
    ]);
  return [...new Set([...registers, ...fields])].filter(isTyped);
}

/** Lists the names of a field's values. */
function valueWords(word: string, scope: Scope): string[] {
  const values = resolved(word, scope)?.field?.values ?? [];
  return values
    .filter(({ usage }) => usage !== 'read')
    .map(({ name }) => name)
    .filter(isTyped);
}

function resolved(word: string, scope: Scope): ResolvedLocation | null {
  return quietly(() => scope.names()?.find(word)) ?? null;
}

/** Returns undefined where a map is wrong or a name is not clear: the step says so, and not the completion of it. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof UdrvError || error instanceof SysError) return undefined;
    throw error;
  }
}

/** Tells whether a name is one word of a step, without what a terminal must not have. */
const isTyped = (name: string) => /^[^\s;{}'"#]+$/.test(name) && visible(name) === name;

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
    case 'register':
    case 'other':
      return [];
  }
}
