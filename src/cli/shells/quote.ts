import type { Grammar, Values } from './grammar';

/** Quotes a word for bash and zsh. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Returns values as the scripts of bash and fish have them: words, or the kind with a colon before it. */
export function valuesText(values: Values): string {
  return typeof values === 'string' ? `:${values}` : values.join(' ');
}

/** Lists the paths by which a command can be named, a path for each alias. */
export function pathsOf({ path }: Grammar): string[][] {
  return path.reduce<string[][]>(
    (before, names) => before.flatMap((words) => names.map((name) => [...words, name])),
    [[]],
  );
}
