import { usageError } from '../../errors';
import { noInterrupt } from '../../interrupts/errors';
import type { InterruptEvent } from '../../interrupts/source';
import { parseDuration } from '../../model/notation';
import { UioDevice } from '../../uio/device';
import { VfioDevice } from '../../vfio/device/device';
import type { Vectors } from '../../vfio/device/irq-eventfds';
import { type IrqName, VFIO_IRQ_NAMES } from '../../vfio/device/irq-set';
import { DONE } from '../result';
import type { Scope } from '../scope';
import type { Words } from '../words';
import { REGISTERS, USUAL_WAIT_MS, type Verb } from './verb';

/** The name of the only interrupt that a UIO device has. */
const UIO_IRQ = 'irq';

interface ChosenIrq {
  name: string;
  vectors: Vectors;
}

/** Takes the word that names an interrupt: `msi`, `msix:2`, `msix:0-3`; a UIO device has only one. */
function takeIrq(words: Words, scope: Scope): ChosenIrq {
  if (scope.info.framework === 'uio') return { name: UIO_IRQ, vectors: { first: 0, last: 0 } };
  const text = words.next('interrupt');
  const [, name = '', first = '0', last = first] = /^([a-z]+)(?::(\d{1,4})(?:-(\d{1,4}))?)?$/.exec(text) ?? [];
  if (!isIrq(name) || Number(last) < Number(first))
    throw usageError(text, 'is not an interrupt', `write ${VFIO_IRQ_NAMES.join(', ')}, or msix:0-3 for vectors`);
  return { name, vectors: { first: Number(first), last: Number(last) } };
}

const isIrq = (name: string): name is IrqName => VFIO_IRQ_NAMES.some((known) => known === name);

export const irq: Verb = {
  usage: 'irq IRQ on|off',
  summary: 'switches an interrupt on or off: intx, msi, msix:0-3, err, req; of UIO without IRQ',
  takes: ['irq', 'switch'],
  for: REGISTERS,
  prepare(words, scope) {
    const { name, vectors } = takeIrq(words, scope);
    const state = words.next('on or off');
    words.end();
    if (state !== 'on' && state !== 'off') throw usageError(state, 'is neither on nor off', `usage: ${words.usage}`);
    if (state === 'off') {
      if (!scope.irqs.delete(name)) throw usageError(name, 'is not on');
      return (session) => {
        session.releaseIrq(name);
        return DONE;
      };
    }
    if (scope.irqs.has(name)) throw usageError(name, 'is on already');
    scope.irqs.add(name);
    return (session) => {
      const { device } = session;
      if (device instanceof UioDevice) session.holdIrq(name, device.interruptSource());
      else if (device instanceof VfioDevice && isIrq(name))
        session.holdIrq(name, device.eventfds(name, vectors, { watchRequest: false }));
      return DONE;
    };
  },
};

export const wait: Verb = {
  usage: 'wait [IRQ] [TIME]',
  summary: 'waits for an interrupt that is on',
  takes: ['irq', 'other'],
  for: REGISTERS,
  prepare(words, scope) {
    const name = takeWaited(words, scope);
    const time = words.optional();
    words.end();
    const own = time === undefined ? undefined : parseDuration(time);
    return async (state, { signal }) => {
      const timeoutMs = own ?? state.timeoutMs ?? USUAL_WAIT_MS;
      const source = state.readyIrq(name);
      const start = performance.now();
      const event: (InterruptEvent & { vector?: number }) | null = await source.next({ timeoutMs, signal });
      if (event === null) {
        if (signal?.aborted) return DONE;
        throw noInterrupt(state.address, timeoutMs);
      }
      state.tookIrq(name);
      const waitedUs = (performance.now() - start) * 1000;
      return {
        kind: 'interrupt',
        irq: name,
        vector: event.vector ?? null,
        count: event.count,
        missed: event.missed,
        waitedUs,
      };
    };
  },
};

/** Takes the interrupt that is waited for; without a word the one that is on. */
function takeWaited(words: Words, scope: Scope): string {
  const next = words.peek();
  const isNamed = scope.info.framework === 'vfio' && next !== undefined && !/^\d/.test(next);
  const name = isNamed ? takeIrq(words, scope).name : [...scope.irqs][0];
  if (name === undefined || !scope.irqs.has(name))
    throw usageError(
      name ?? 'wait',
      name === undefined ? 'no interrupt is on' : 'is not on',
      `irq ${scope.info.framework === 'uio' ? '' : `${name ?? 'msi'} `}on, before the step that makes the device raise it`,
    );
  return name;
}
