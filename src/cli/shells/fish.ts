import type { Grammar, OptionGrammar } from './grammar';
import { pathsOf, valuesText } from './quote';

/** Writes the parts of `__udrv_grammar` in fixtures/completions/udrv.fish. */
export const fish = { globals, branch };

function globals(options: readonly OptionGrammar[]): string {
  return optionLines(options)
    .map((line) => `    ${line}`)
    .join('\n');
}

function branch(command: Grammar): string {
  const patterns = pathsOf(command).map((words) => fishQuoted(words.join(' ')));
  const commands = command.commands.flatMap(({ path, description }) => described(path.at(-1) ?? [], description));
  const lines = [
    ...list('commands', commands),
    ...optionLines(command.options),
    ...list(
      'arguments',
      command.arguments.map(({ values }) => valuesText(values)),
    ),
    ...(command.arguments.at(-1)?.repeats ? ['set repeats 1'] : []),
  ];
  return [`        case ${patterns.join(' ')}`, ...lines.map((line) => `            ${line}`)].join('\n');
}

function optionLines(options: readonly OptionGrammar[]): string[] {
  const valued = options.flatMap(({ names, value }) =>
    value === undefined
      ? []
      : names.map((name) => ({ name: `${name}${value.isOptional ? '=' : ''}`, kind: valuesText(value.values) })),
  );
  return [
    ...list(
      'options',
      options.flatMap(({ names, description }) => described(names, description)),
    ),
    ...list(
      'valued',
      valued.map(({ name }) => name),
    ),
    ...list(
      'kinds',
      valued.map(({ kind }) => kind),
    ),
  ];
}

function described(names: readonly string[], description: string): string[] {
  return names.map((name) => `${name}\t${description}`);
}

function list(name: string, words: readonly string[]): string[] {
  return words.length === 0 ? [] : [`set -a ${name} ${words.map(fishQuoted).join(' ')}`];
}

/** Quotes a word for fish, where a backslash counts inside of quotes too. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
