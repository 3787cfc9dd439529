import { valueText } from '../../model/location';
import { hexWord } from '../../model/registers';
import { type Places, placeOf } from '../../session/check';
import type { Statement } from '../../session/grammar';
import type { BlamedFault, StepResult, StepValue } from '../../session/result';
import type { StepDone } from '../../session/session';
import { hex } from '../../text/hex';
import type { DmaAccess } from '../../vfio/dma/iommu';
import type { ReadDocument } from '../documents/registers';
import type { FaultLine, StepHead, StepLine, StepOutcome, StoppedAccess } from '../documents/session';
import { ByteLines, wordLines } from '../output/dump';
import { json } from '../output/escape';
import { LineWriter } from '../output/lines';
import type { Context } from '../program/context';
import { registerDocument, registersPrinter } from '../registers/regs';

/** Prints what a step brought: for a person or a script, or with `--json` as an object on a line. */
export function printStep(context: Context, { step, iteration, result }: StepDone): void {
  if (!context.options.json) {
    printResult(context, result);
    return;
  }
  const { number, line, verb, text } = step;
  const time = iteration !== undefined && { iteration };
  const head: StepHead = { schema: 'udrv.step/1', step: number, line, ...time, verb, text };
  context.stdout.write(`${json({ ...head, ...documentOf(result) } satisfies StepLine)}\n`);
}

/**
 * Prints what the IOMMU stopped: with `--json` as an object, else as a remark.
 *
 * @param after the step that was the last then
 */
export function printFaults(
  context: Context,
  faults: readonly BlamedFault[],
  device: string,
  after?: { step: Statement; places: Places },
): void {
  if (context.options.json) {
    for (const fault of faults) {
      const step = after !== undefined && { step: after.step.number };
      const line: FaultLine = { schema: 'udrv.fault/1', ...step, ...faultDocument(fault) };
      context.stdout.write(`${json(line)}\n`);
    }
    return;
  }
  const place = after === undefined ? null : placeOf(after.step, after.places);
  for (const fault of faults) context.warn(`${place === null ? '' : `${place}: `}${device}: ${faultText(fault)}`);
}

function printResult(context: Context, result: StepResult): void {
  const { stdout } = context;
  switch (result.kind) {
    case 'value':
      stdout.write(`${valueText(result, result.value)}\n`);
      break;
    case 'words': {
      const range = { offset: result.offset, length: result.words.length * result.width };
      const writer = new LineWriter(stdout);
      for (const line of wordLines(result.words, range, result.width)) writer.write(line);
      writer.end();
      break;
    }
    case 'bytes':
      printBytes(context, result.bytes, result.offset);
      break;
    case 'transfer':
      if (result.bytes !== null) printBytes(context, result.bytes, 0);
      break;
    case 'interrupt': {
      const { irq, vector, count, missed, waitedUs } = result;
      const which = vector === null ? 'interrupt' : `${irq} vector ${vector}`;
      const more = missed === 0 ? '' : `, ${missed} missed`;
      stdout.write(`${which}, count ${count}${more}, after ${(waitedUs / 1000).toFixed(3)} ms\n`);
      break;
    }
    case 'buffer': {
      const { buffer, iova, size, access } = result;
      const address = iova === null ? '' : `  iova ${hex(iova)}`;
      stdout.write(`${buffer}${address}  size ${hex(size)}${iova === null ? '' : `  ${accessText(access)}`}\n`);
      break;
    }
    case 'registers': {
      const printer = registersPrinter(context, result.registers);
      for (const one of result.registers) printer.print(one, one.value);
      break;
    }
    case 'faults':
      for (const fault of result.faults) stdout.write(`${faultText(fault)}\n`);
      break;
    case 'match':
    case 'done':
      break;
  }
}

function printBytes({ stdout }: Context, bytes: Buffer, offset: number): void {
  const lines = new ByteLines(offset + bytes.length, offset);
  const writer = new LineWriter(stdout);
  for (const line of lines.add(bytes)) writer.write(line);
  for (const line of lines.end()) writer.write(line);
  writer.end();
}

function accessText(access: DmaAccess | null): string {
  if (access === null) return 'not mapped';
  return `mapped ${letters(access)}`;
}

const letters = ({ read, write }: DmaAccess) => `${read ? 'r' : ''}${write ? 'w' : ''}`;

export function faultText({ access, address, where, reason }: BlamedFault): string {
  return `IOMMU fault: ${access ?? 'access'} of ${hex(address)}, ${where} (${reason})`;
}

function faultDocument({ iommu, device, address, access, reason, buffer, offset }: BlamedFault): StoppedAccess {
  return {
    iommu,
    device,
    address: hex(address),
    access,
    reason,
    buffer,
    offset: offset === null ? null : Number(offset),
  };
}

function documentOf(result: StepResult): StepOutcome {
  switch (result.kind) {
    case 'value':
    case 'match':
      return valueDocument(result);
    case 'words':
      return place(result, { words: result.words.map((word) => hexWord(word, result.width)) });
    case 'bytes':
      return { buffer: result.buffer, offset: result.offset, data: result.bytes.toString('hex') };
    case 'interrupt': {
      const { irq, vector, count, missed, waitedUs } = result;
      return { irq, vector, count, missed, waitedUs: Math.round(waitedUs * 10) / 10 };
    }
    case 'buffer': {
      const { buffer, iova, size, access } = result;
      return { buffer, iova: iova === null ? null : hex(iova), size, access: access === null ? null : letters(access) };
    }
    case 'transfer': {
      const { status, requested, actual } = result.result;
      return { status, requested, actual, ...(result.bytes !== null && { data: result.bytes.toString('hex') }) };
    }
    case 'registers':
      return { registers: result.registers.map((one) => registerDocument(one, one.value)) };
    case 'faults':
      return { faults: result.faults.map(faultDocument) };
    case 'done':
      return {};
  }
}

function valueDocument(result: StepValue): ReadDocument {
  const { name, meaning } = result;
  return place(result, {
    value: valueText(result, result.value),
    ...(name !== undefined && { name }),
    ...(meaning !== undefined && { meaning }),
  });
}

type Place = Pick<ReadDocument, 'region' | 'offset' | 'width'>;

function place<V>({ region, offset, width }: Place, value: V): Place & V {
  return { region, offset, width, ...value };
}
