import type { Command, Option } from 'commander';
import type { Program } from './program';

/** Two or more flags of one letter, of the program (n, q, v) and of its commands (a, t). */
const CLUSTER = /^-[nqvat]{2,}$/;

/** An option that may have a value, but only in the same word. */
const SIM_FILE = '--sim=';

/** A word that the program could take for flags of its own, or for an unknown option. */
const DASHED = /^-[^-]/;

/**
 * Takes apart what commander would not: clusters of flags, `-tv` to `-t -v`, because commander hands the rest of a
 * cluster that begins with a flag of the command to the command alone, which does not know the program's; and
 * `--sim=FILE`, because commander would take the word behind a lone `--sim` for its value. Joins an option and a value
 * that begins with `-`, `--sort -name` to `--sort=-name`, because the program would look for its own flags in the value.
 * Writes negative numbers so that commander does not take them for options.
 */
export function apart(line: readonly string[], built: Pick<Program, 'program' | 'load'>): string[] {
  const end = line.indexOf('--');
  const words: string[] = [];
  for (const [i, arg] of line.entries()) {
    const before = line[i - 1] ?? '';
    if (end >= 0 && i >= end) words.push(arg);
    else if (arg.startsWith(SIM_FILE)) words.push(`--sim-file=${arg.slice(SIM_FILE.length)}`);
    else if (DASHED.test(arg) && before.startsWith('-') && takesValue(before, line.slice(0, i), built))
      words.push(`${words.pop()}${before.startsWith('--') ? '=' : ''}${arg}`);
    else if (CLUSTER.test(arg)) words.push(...[...arg.slice(1)].map((letter) => `-${letter}`));
    else words.push(decimal(arg));
  }
  return words;
}

/** Tells whether the last word of a line is an option whose value is the next word. */
function takesValue(word: string, line: readonly string[], { program, load }: Pick<Program, 'program' | 'load'>) {
  let command: Command = program;
  const options: Option[] = [...program.options];
  const named = (text: string) => options.find(({ short, long }) => text === short || text === long);
  let isValue = false;
  for (const one of line.slice(0, -1)) {
    const found = isValue
      ? undefined
      : command.commands.find((known) => [known.name(), ...known.aliases()].includes(one));
    isValue = !isValue && named(one)?.required === true;
    if (found === undefined) continue;
    command = found;
    // The line names it: it is needed anyway.
    load(command);
    options.push(...command.options);
  }
  return !isValue && named(word)?.required === true;
}

/** A negative number that is no decimal one, or has underscores. */
const NEGATIVE = /^-(0x[0-9a-f_]*[0-9a-f]|0b[01_]*[01]|0o[0-7_]*[0-7]|\d[\d_]*\d)$/i;

/** Writes a negative number in decimal digits: commander takes `-0x10` for an option, but `-16` for an argument. */
function decimal(arg: string): string {
  const digits = NEGATIVE.exec(arg)?.[1];
  return digits === undefined ? arg : `-${BigInt(digits.replaceAll('_', '').toLowerCase())}`;
}
