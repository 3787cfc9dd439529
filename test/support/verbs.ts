import type { Command } from 'commander';

/** Returns the words of every command that commander knows and that is not a noun alone, but for `help`. */
export function verbsOf(command: Command, words: readonly string[] = []): string[] {
  const below = command.commands.flatMap((child) => verbsOf(child, [...words, child.name()]));
  const isVerb = below.length === 0 || (words.length > 0 && command.registeredArguments.length > 0);
  return [...(isVerb ? [words.join(' ')] : []), ...below];
}
