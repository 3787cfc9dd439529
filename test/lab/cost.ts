/**
 * The processor time that guests take. With UDRV_LAB_COST=FILE, a line of JSON is added to it for each boot, each command
 * that is run to its end, and the end of each guest; costs.ts makes a table of them.
 */
import { appendFileSync, readFileSync } from 'node:fs';

export interface Cost {
  /** The test file. */
  readonly test: string;
  /** `warm` and `own`: a command in a process that has run others, and in one of its own. */
  readonly what: 'boot' | 'warm' | 'own' | 'end';
  /** QEMU's, from its start for `boot` and `end`. */
  readonly seconds: number;
  readonly command?: string | readonly string[];
}

/** USER_HZ, which all architectures of ours have. */
const TICKS_PER_SECOND = 100;

/** Seconds of a process and all its threads; 0 once it has gone. */
export function processorSeconds(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

export function noteCost(cost: Omit<Cost, 'test'>): void {
  const { UDRV_LAB_COST: file } = process.env;
  if (file) appendFileSync(file, `${JSON.stringify({ test: testFile(), ...cost })}\n`);
}

function testFile(): string {
  const { expect } = globalThis as { expect?: { getState(): { testPath?: string } } };
  return expect?.getState().testPath ?? 'no test';
}
