import { usageError } from '../../errors';
import type { TransferResult } from '../../usb/transfer/status';
import type { TransferDocument } from '../documents/transfers';
import { ByteLines } from '../output/dump';
import type { Output, Sink } from '../output/file';
import { LineWriter } from '../output/lines';
import type { Context } from '../program/context';

/** The most bytes in a JSON document, which holds them in memory: more has to go to a file. */
const MOST_IN_JSON = 16 * 1024 * 1024;

/** Facts of isochronous transfers. */
type IsoFacts = Pick<TransferDocument, 'packets' | 'errors'>;

/** The receiver of the bytes of an IN transfer as they arrive: a file, a dump for people, or the JSON. */
export interface Received {
  take(piece: Buffer): void;
  /** Writes the rest of a dump, or the JSON document, with more facts where there are some. */
  end(result: TransferResult, facts?: IsoFacts): void;
}

/** Checks `-o` before a device is opened. @throws usage where it and `--json` are both for standard output */
export function checkOutput(context: Context, output: string | undefined): void {
  if (context.options.json && output === '-')
    throw usageError('-o - and --json', 'both write to standard output: give one');
}

/** @param raw whether `-o` asks for the bytes themselves @param length the most bytes that may come */
export function receiver(context: Context, output: Output, raw: boolean, length: number): Received {
  if (raw) return rawReceiver(context, output.sink);
  return context.options.json ? jsonReceiver(context, length) : dumpReceiver(output.sink, length);
}

function rawReceiver(context: Context, out: Sink): Received {
  return {
    take: (piece) => out.write(piece),
    end: (result, facts) => {
      if (context.options.json) context.printJson({ ...document(result), ...facts });
    },
  };
}

function dumpReceiver(out: Sink, length: number): Received & { end(): void } {
  const lines = new ByteLines(length);
  const writer = new LineWriter(out);
  return {
    take: (piece) => {
      for (const line of lines.add(piece)) writer.write(line);
      writer.flush();
    },
    end: () => {
      for (const line of lines.end()) writer.write(line);
      writer.end();
    },
  };
}

/** Writes bytes as a dump of their own. */
export function dumpTo(out: Sink, bytes: Buffer): void {
  const dump = dumpReceiver(out, bytes.length);
  dump.take(bytes);
  dump.end();
}

function jsonReceiver(context: Context, length: number): Received {
  if (length > MOST_IN_JSON)
    throw usageError('--json', `holds the data in memory: for more than ${MOST_IN_JSON} bytes give -o FILE`);
  const pieces: Buffer[] = [];
  return {
    take: (piece) => void pieces.push(Buffer.from(piece)),
    end: (result, facts) =>
      context.printJson({ ...document(result), ...facts, data: Buffer.concat(pieces).toString('hex') }),
  };
}

/** Returns the fields that every transfer has in JSON. */
export function document({ status, requested, actual }: TransferResult): TransferDocument {
  return { status, requested, actual };
}
