/** The process that has a guest which is kept: see kept.ts. Arguments: machine, kernel, path of the socket. */
import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { Message, ProcessRequest } from './agent-client';
import type { GuestProcess } from './guest-process';
import { readJsonLines, writeJsonLine } from './json-lines';
import type { Wanted } from './kept';
import { bootLab, type Kernel, type Lab, type MachineName } from './lab';

type Request = ProcessRequest | ({ id: number; op: 'spawn' } & Wanted) | { op: 'stop' };

/** A guest that nobody has used for so long was forgotten. */
const IDLE_MS = 2 * 3_600_000;

async function main([machine, kernel, path = '']: readonly string[]): Promise<void> {
  const lab = await bootLab({ machine: machine as MachineName, kernel: kernel as Kernel, live: true });
  const end = (code: number) => {
    rmSync(path, { force: true });
    void lab.shutdown().then(() => process.exit(code));
  };
  lab.gone.catch(() => end(1));
  let idle = setTimeout(end, IDLE_MS, 0);
  const server = createServer((socket) => {
    clearTimeout(idle);
    socket.once('close', () => {
      clearTimeout(idle);
      server.getConnections((_, count) => {
        if (count === 0) idle = setTimeout(end, IDLE_MS, 0);
      });
    });
    serve(lab, socket, () => end(0));
  });
  // What is there was left by a keeper that was killed: `npm run lab` has just tried it.
  rmSync(path, { force: true });
  server.listen(path);
}

function serve(lab: Lab, socket: Socket, stop: () => void): void {
  const send = (message: Message) => writeJsonLine(socket, message);
  let process: GuestProcess | undefined;
  // A client that goes takes its process with it, as a terminal does.
  socket.once('close', () => process?.kill('SIGHUP'));
  socket.on('error', () => {});
  send({ op: 'ready', release: lab.release, log: lab.setupLog });
  readJsonLines<Request>(socket, (request) => {
    switch (request.op) {
      case 'stop':
        return stop();
      case 'spawn': {
        const { id, op, command, ...options } = request;
        process = lab.spawn(command, {
          ...options,
          onOutput: (name, chunk) => send({ id, op: name, data: chunk.toString('base64') }),
        });
        process.exit.then(
          (exit) => send({ id, op: 'exit', ...exit }),
          ({ message }: Error) => send({ id, op: 'failed', message }),
        );
        return;
      }
      case 'stdin':
        return process?.write(Buffer.from(request.data, 'base64'));
      case 'closeStdin':
        return process?.closeStdin();
      case 'kill':
        return process?.kill(request.signal);
      case 'explain':
        return process?.explain();
    }
  });
}

main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});
