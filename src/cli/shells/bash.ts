import type { Grammar, OptionGrammar } from './grammar';
import { pathsOf, quoted, valuesText } from './quote';

/** Writes the parts of `_udrv_grammar` in fixtures/completions/udrv.bash. */
export const bash = { globals, branch };

function globals(options: readonly OptionGrammar[]): string {
  return optionLines(options)
    .map((line) => `  ${line}`)
    .join('\n');
}

function branch(command: Grammar): string {
  const patterns = pathsOf(command).map((words) => quoted(words.map((word) => ` ${word}`).join('')));
  const lines = [
    ...list(
      'commands',
      command.commands.flatMap(({ path }) => path.at(-1) ?? []),
    ),
    ...optionLines(command.options),
    ...list(
      'arguments',
      command.arguments.map(({ values }) => quoted(valuesText(values))),
    ),
    ...(command.arguments.at(-1)?.repeats ? ['repeats=1'] : []),
  ];
  return [`    ${patterns.join(' | ')})`, ...lines.map((line) => `      ${line}`), '      ;;'].join('\n');
}

function optionLines(options: readonly OptionGrammar[]): string[] {
  const values = options.flatMap(({ names, value }) =>
    value === undefined
      ? []
      : names.map((name) => `[${name}${value.isOptional ? '=' : ''}]=${quoted(valuesText(value.values))}`),
  );
  return [
    ...list(
      'options',
      options.flatMap(({ names }) => names),
    ),
    ...list('values', values),
  ];
}

function list(name: string, words: readonly string[]): string[] {
  return words.length === 0 ? [] : [`${name}+=(${words.join(' ')})`];
}
