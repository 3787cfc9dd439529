import { errnoMessage, UdrvError, usageError } from '../../errors';
import { EXIT_OF_STATUS, type TransferResult } from '../../usb/transfer/status';
import { ByteLines } from '../output/dump';
import type { Output, Sink } from '../output/file';
import { LineWriter } from '../output/lines';
import type { Context } from '../program/context';

/** The most bytes in a JSON document, which holds them in memory: more has to go to a file. */
const MOST_IN_JSON = 16 * 1024 * 1024;

/** The receiver of the bytes of an IN transfer as they arrive: a file, a dump for people, or the JSON. */
export interface Received {
  take(piece: Buffer): void;
  /** Writes the rest of a dump, or the JSON document, with more facts where there are some. */
  end(result: TransferResult, facts?: object): void;
}

/** Checks `-o` before a device is opened. @throws usage where it and `--json` are both for standard output */
export function checkOutput(context: Context, output: string | undefined): void {
  if (context.options.json && output === '-')
    throw usageError('-o - and --json', 'both write to standard output: give one');
}

/** @param raw whether `-o` asks for the bytes themselves @param length the most bytes that may come */
export function receiver(context: Context, output: Output, raw: boolean, length: number): Received {
  if (raw) return rawReceiver(context, output.open());
  return context.options.json ? jsonReceiver(context, length) : dumpReceiver(output.open(), length);
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
export function document({ status, requested, actual }: TransferResult): object {
  return { status, requested, actual };
}

export interface FailedTransfer {
  /** `1-2 0x81` */
  subject: string;
  device: string;
  timeoutMs?: number | undefined;
  /** A hint by status. */
  hints?: Partial<Record<TransferResult['status'], string>>;
}

/** Returns the error of a transfer that failed; null where it succeeded, or the user ended it. */
export function transferError(
  { status, actual, requested, errno }: TransferResult,
  { subject, device, timeoutMs, hints }: FailedTransfer,
): UdrvError | null {
  if (status === 'ok' || status === 'cancelled') return null;
  const arrived = requested > 0 ? `, ${actual} of ${requested} bytes done` : '';
  const words = {
    stall: 'stalled: the device refuses',
    timeout: `timed out after ${timeoutMs} ms`,
    babble: 'the device sent more than was asked for',
    error: `bus error: ${(errno !== null && BUS_ERRORS[errno]) || errnoMessage(errno ?? 'EIO')}`,
    gone: 'the device went away',
  }[status];
  const code = { stall: 'EPIPE', timeout: 'ETIMEDOUT', babble: 'EOVERFLOW', error: errno ?? 'EIO', gone: 'ENODEV' }[
    status
  ];
  return new UdrvError(`${words}${arrived}`, {
    code,
    exit: EXIT_OF_STATUS[status],
    subject,
    hint: hints?.[status],
    device,
  });
}

/** Documentation/driver-api/usb/error-codes.rst */
const BUS_ERRORS: Readonly<Record<string, string>> = {
  EPROTO: 'the device gives no valid answer',
  EILSEQ: 'the checksum is wrong, or there is no answer',
  ETIME: 'no answer in time',
  ECOMM: 'data came faster than memory takes it',
  ENOSR: 'memory gives data slower than the bus takes it',
  EXDEV: 'only part of it was transferred',
};
