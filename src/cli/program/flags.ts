/** Two or more flags of one letter, of the program (n, q, v) and of its commands (a, t). */
const CLUSTER = /^-[nqvat]{2,}$/;

/** An option that may have a value, but only in the same word. */
const SIM_FILE = '--sim=';

/**
 * Takes apart what commander would not: clusters of flags, `-tv` to `-t -v`, because commander hands the rest of a
 * cluster that begins with a flag of the command to the command alone, which does not know the program's; and
 * `--sim=FILE`, because commander would take the word behind a lone `--sim` for its value. Writes negative numbers so
 * that commander does not take them for options.
 */
export function apart(line: readonly string[]): string[] {
  const end = line.indexOf('--');
  return line.flatMap((arg, i) => {
    if (end >= 0 && i >= end) return [arg];
    if (arg.startsWith(SIM_FILE)) return [`--sim-file=${arg.slice(SIM_FILE.length)}`];
    if (CLUSTER.test(arg)) return [...arg.slice(1)].map((letter) => `-${letter}`);
    return [isValueOfOption(line[i - 1]) ? arg : decimal(arg)];
  });
}

/** Tells whether what follows an argument may be its value, which is the command's to read. */
function isValueOfOption(before: string | undefined): boolean {
  return before?.startsWith('--') === true && !before.includes('=');
}

/** A negative number that is no decimal one, or has underscores. */
const NEGATIVE = /^-(0x[0-9a-f_]*[0-9a-f]|0b[01_]*[01]|0o[0-7_]*[0-7]|\d[\d_]*\d)$/i;

/** Writes a negative number in decimal digits: commander takes `-0x10` for an option, but `-16` for an argument. */
function decimal(arg: string): string {
  const digits = NEGATIVE.exec(arg)?.[1];
  return digits === undefined ? arg : `-${BigInt(digits.replaceAll('_', '').toLowerCase())}`;
}
