import type { Duplex } from 'node:stream';

/** Calls `receive` with each message of a stream of JSON documents, one a line. */
export function readJsonLines<Message>(stream: Duplex, receive: (message: Message) => void): void {
  let partial: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      partial.push(chunk.subarray(start, end));
      receive(JSON.parse(Buffer.concat(partial).toString()));
      partial = [];
      start = end + 1;
    }
    partial.push(chunk.subarray(start));
  });
}

export function writeJsonLine(stream: Duplex, message: object): void {
  stream.write(`${JSON.stringify(message)}\n`);
}
