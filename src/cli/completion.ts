import { listSchemas } from './documents/schemas';
import { pageNames } from './manual/pages';
import { visible } from './output/escape';
import { buildProgram } from './parser/program';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, option } from './program/options';
import { candidates } from './shells/candidates';
import type { Words } from './shells/grammar';
import { completionScript, SHELLS, type Shell } from './shells/script';

export const command: VerbSpec = {
  description: 'the script with which a shell completes the command line of udrv',
  arguments: [argument('<shell>').choices(SHELLS)],
  options: [option('--line <words>', 'what the script asks for: the candidates behind these lines').hideHelp()],
  examples: ['completion bash', 'completion zsh'],
  run: completion,
};

/** Lists the words of arguments that are names of files in this package. */
function wordsOf(): Words {
  return { page: pageNames(), document: listSchemas().map(({ name }) => name) };
}

function completion(context: Context, shell: Shell, { line }: { line?: string }): undefined {
  const program = buildProgram(context.stdout, context.stderr, process.env, line === undefined);
  if (line === undefined) {
    context.stdout.write(completionScript(shell, program, wordsOf()));
    return;
  }
  for (const { text, description } of candidates(program, line.split('\n'), shell !== 'bash'))
    context.stdout.write(shell === 'bash' ? `${text}\n` : `${text}\t${visible(description)}\n`);
}
