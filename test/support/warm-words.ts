/** These run programs of the user, read what is typed, or measure what a process that is warm does otherwise. */
const IN_A_PROCESS_OF_ITS_OWN = ['run', 'shell', 'bench', 'man', '-'];

/** Tells whether warm.cjs can run the command with these words behind `udrv`. */
export function canRunWarm(words: readonly string[]): boolean {
  return !words.some((word) => IN_A_PROCESS_OF_ITS_OWN.includes(word));
}

/**
 * Returns the words behind `udrv` of a command that warm.cjs can run; null for one that needs a shell or a process of its
 * own.
 */
export function wordsOfUdrv(command: string | readonly string[]): readonly string[] | null {
  const isPlain = typeof command !== 'string' || /^[\w.:/=@,+ -]+$/.test(command);
  if (!isPlain) return null;
  const [program, ...words] = typeof command === 'string' ? command.trim().split(/ +/) : command;
  return program === 'udrv' && canRunWarm(words) ? words : null;
}
