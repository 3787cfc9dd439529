import type { OutputStream } from '../../src/cli/output/stream';
import { report } from '../../src/cli/program/report';
import type { UdrvError } from '../../src/errors';

/** Makes of an error what the command prints. */
export function shownError(error: UdrvError): string {
  let text = '';
  const write = (piece: string) => {
    text += piece;
    return true;
  };
  const reporting = { debug: false, machine: {} };
  for (const asJson of [false, true]) report(error, [], { write } as unknown as OutputStream, { ...reporting, asJson });
  return text;
}
