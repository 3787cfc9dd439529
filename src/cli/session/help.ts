import { usageError } from '../../errors';
import type { Scope } from '../../session/scope';
import { VERBS } from '../../session/steps';
import { hex } from '../../text/hex';
import { visible } from '../output/escape';
import { table } from '../tables/table';
import { verbsFor } from './complete';

/** Returns the help of the shell, or that of one step. */
export function helpText(scope: Scope, name: string | undefined): string {
  if (name !== undefined) {
    const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    if (verb === undefined) throw usageError(name, 'is not a step', 'help lists them');
    return `${verb.usage}\n  ${verb.summary}\n`;
  }
  const steps = verbsFor(scope).map(([, { usage, summary }]) => [usage, summary]);
  const things = [
    ...scope.regions.map(({ name, size }) => [`${name}`, `region, ${hex(size)} bytes`]),
    ...Array.from(scope.buffers, ([buffer, { length }]) => [buffer, `buffer, ${hex(length)} bytes`]),
  ].map((row) => row.map(visible));
  return [
    ...steps.map(([usage, summary]) => `${usage}\n    ${summary}\n`),
    'repeat N { STEP; STEP }\n    runs steps again and again\n',
    'LOCATION is REGION:OFFSET[/WIDTH], REGION OFFSET, BUF:OFFSET, or with a map REG or REG.FIELD. VALUE is a number,\n',
    'BUF or BUF+OFFSET (the address by which the device reaches it), BUF.lo, BUF.hi, or the name of a value of FIELD.\n',
    'Ctrl-C ends a step, Ctrl-D the session.\n',
    ...(things.length > 0 ? ['\n', table(things)] : []),
  ].join('');
}
