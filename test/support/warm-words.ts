/** These run programs of the user, read what is typed, or measure what a process that is warm does otherwise. */
const IN_A_PROCESS_OF_ITS_OWN = ['run', 'shell', 'bench', 'man'];

/** Node and the C library read them as they start, udrv when it is loaded. */
const READ_AT_START = /^(?:NODE|LD_|LC_|TZ$|UDRV_DEBUG$)/;

type Variables = Readonly<Record<string, string | undefined>>;

/** Tells whether warm.cjs can run the command with these words behind `udrv`, with these variables of its own. */
export function canRunWarm(words: readonly string[], env: Variables = {}): boolean {
  return (
    !words.some((word) => IN_A_PROCESS_OF_ITS_OWN.includes(word)) &&
    !words.some((word, i) => word === '-' && words[i - 1] !== '-o') && // it reads what is typed
    !Object.keys(env).some((name) => READ_AT_START.test(name))
  );
}

/**
 * Returns the words behind `udrv` of a command that warm.cjs can run; null for one that needs a shell or a process of its
 * own.
 */
export function wordsOfUdrv(command: string | readonly string[], env?: Variables): readonly string[] | null {
  const isPlain = typeof command !== 'string' || /^[\w.:/=@,+ -]+$/.test(command);
  if (!isPlain) return null;
  const [program, ...words] = typeof command === 'string' ? command.trim().split(/ +/) : command;
  return program === 'udrv' && canRunWarm(words, env) ? words : null;
}
