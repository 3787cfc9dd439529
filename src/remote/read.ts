import { Connection, type Way } from './connection';
import { RemoteTree } from './tree';

/**
 * Reads a host: runs `read` on its tree until that asks for nothing which is not known, with all questions of one run in
 * one message. The reading is the list of files: there is no other one, which could lack some.
 *
 * @param read anything that only reads the tree and changes nothing; its result, or its error, counts the last time
 * @throws UdrvError with the host as its subject, where it does not answer
 */
export async function readHost<T>(
  host: string,
  way: Way,
  read: (tree: RemoteTree) => T | Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  using connection = new Connection(host, way);
  const stop = () => connection[Symbol.dispose]();
  signal?.addEventListener('abort', stop, { once: true });
  const tree = new RemoteTree();
  // Before the first reading, which is of no use where the host cannot be reached.
  await connection.ask([]);
  for (;;) {
    tree.begin();
    let outcome: { result: T } | { error: unknown };
    try {
      outcome = { result: await read(tree) };
    } catch (error) {
      outcome = { error };
    }
    if (!tree.isIncomplete) {
      signal?.removeEventListener('abort', stop);
      if ('error' in outcome) throw outcome.error;
      return outcome.result;
    }
    for (const [question, answer] of await connection.ask(tree.questions)) tree.learn(question, answer);
  }
}
