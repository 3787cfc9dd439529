/** Two or more flags of one letter, of the program (n, q, v) and of its commands (a, t). */
const CLUSTER = /^-[nqvat]{2,}$/;

/** An option that may have a value, but only in the same word. */
const SIM_FILE = '--sim=';

/**
 * Takes apart what commander would not: clusters of flags, `-tv` to `-t -v`, because commander hands the rest of a
 * cluster that begins with a flag of the command to the command alone, which does not know the program's; and
 * `--sim=FILE`, because commander would take the word behind a lone `--sim` for its value.
 */
export function apart(line: readonly string[]): string[] {
  const end = line.indexOf('--');
  return line.flatMap((arg, i) => {
    if (end >= 0 && i >= end) return [arg];
    if (arg.startsWith(SIM_FILE)) return [`--sim-file=${arg.slice(SIM_FILE.length)}`];
    return CLUSTER.test(arg) ? [...arg.slice(1)].map((letter) => `-${letter}`) : [arg];
  });
}
