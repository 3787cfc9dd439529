/** Two or more flags of one letter, of the program (n, q, v) and of its commands (a, t). */
const CLUSTER = /^-[nqvat]{2,}$/;

/**
 * Takes clusters of flags apart, `-tv` to `-t -v`. Commander hands the rest of a cluster that begins with a flag of the
 * command to the command alone, which does not know the program's.
 */
export function apart(line: readonly string[]): string[] {
  const end = line.indexOf('--');
  const isFlags = (arg: string, i: number) => (end < 0 || i < end) && CLUSTER.test(arg);
  return line.flatMap((arg, i) => (isFlags(arg, i) ? [...arg.slice(1)].map((letter) => `-${letter}`) : [arg]));
}
