import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from '../../sys/package-folder';
import type { Program } from '../parser/program';
import { bash } from './bash';
import { fish } from './fish';
import { flat, type Grammar, globalOptions, grammarOf, type OptionGrammar, type Words } from './grammar';
import { zsh } from './zsh';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** Writes parts of a shell's script: the options of every command, and a branch of its `case` for each command. */
export interface Writer {
  globals(options: readonly OptionGrammar[]): string;
  branch(command: Grammar): string;
}

const WRITERS: Readonly<Record<Shell, Writer>> = { bash, zsh, fish };

/** Makes the completion script of a shell: the one in fixtures/completions/, with the grammar of the command line put in. */
export function completionScript(shell: Shell, program: Program, words: Words): string {
  const script = readFileSync(join(packageFolder(), 'fixtures/completions', `udrv.${shell}`), 'utf8');
  const { globals, branch } = WRITERS[shell];
  return script
    .replace(/^GLOBALS$/m, () => globals(globalOptions(program)))
    .replace(/^COMMANDS$/m, () => flat(grammarOf(program, words)).map(branch).join('\n'));
}
