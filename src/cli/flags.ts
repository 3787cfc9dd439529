/** Two or more flags of one letter: those of the program (n, q, v), and those of its commands (a, t). */
const CLUSTER = /^-[nqvat]{2,}$/;

/**
 * `-tv` as `-t -v`. Commander gives all that is behind a command's flag to the command, which does not know those of
 * the program, although they may stand anywhere else.
 */
export function apart(line: readonly string[]): string[] {
  const end = line.indexOf('--');
  const isFlags = (arg: string, i: number) => (end < 0 || i < end) && CLUSTER.test(arg);
  return line.flatMap((arg, i) => (isFlags(arg, i) ? [...arg.slice(1)].map((letter) => `-${letter}`) : [arg]));
}
