import type { ArgumentGrammar, Grammar, OptionGrammar, Values } from './grammar';
import { pathsOf, quoted } from './quote';

/** Writes the parts of `_udrv_command` in fixtures/completions/udrv.zsh: specifications for _arguments, and for _describe. */
export const zsh = { globals, branch };

function globals(options: readonly OptionGrammar[]): string {
  return list('  specs', options.flatMap(optionSpecs)).join('\n');
}

function branch(command: Grammar): string {
  const patterns = pathsOf(command).map((words) => quoted(words.map((word) => ` ${word}`).join('')));
  const children = command.commands.flatMap(({ path, description }) =>
    (path.at(-1) ?? []).map((name) => `${escaped(name)}:${description}`),
  );
  return [
    `    (${patterns.join('|')})`,
    ...list('      commands', children),
    ...(children.length > 0 && command.arguments.length > 0 ? ['      takes_arguments=1'] : []),
    ...list('      specs', [...command.options.flatMap(optionSpecs), ...command.arguments.map(argumentSpec)]),
    '      ;;',
  ].join('\n');
}

/** @param name with the blanks before it */
function list(name: string, words: readonly string[]): string[] {
  const indent = name.replace(/\S.*/, '');
  return words.length === 0 ? [] : [`${name}+=(`, ...words.map((word) => `${indent}  ${quoted(word)}`), `${indent})`];
}

/** Makes `(-w --width)-w+[text]:bytes:(1 2 4 8)` and the same for the long name: each excludes both. */
function optionSpecs({ names, description, repeats, value }: OptionGrammar): string[] {
  const excluded = repeats ? '*' : `(${names.join(' ')})`;
  const text = `[${description.replace(/[[\]\\:]/g, '\\$&')}]`;
  return names.map((name) => {
    if (value === undefined) return `${excluded}${name}${text}`;
    const long = name.startsWith('--');
    const [mark, colon] = value.isOptional ? [long ? '=-' : '-', '::'] : [long ? '=' : '+', ':'];
    return `${excluded}${name}${mark}${text}${colon}${escaped(value.name)}:${action(value.values)}`;
  });
}

function argumentSpec({ name, values, isOptional, repeats }: ArgumentGrammar, index: number): string {
  const place = repeats ? '*:' : `${index + 1}:${isOptional ? ':' : ''}`;
  return `${place}${escaped(name)}:${action(values)}`;
}

const ACTIONS: Readonly<Record<Exclude<Values, readonly string[]>, string>> = {
  none: ' ',
  file: '_files',
  directory: '_files -/',
  data: '_udrv_data',
  live: '_udrv_live',
};

function action(values: Values): string {
  return typeof values === 'string' ? ACTIONS[values] : `(${values.join(' ')})`;
}

function escaped(text: string): string {
  return text.replaceAll(':', '\\:');
}
