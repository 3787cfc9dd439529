import { pageNames } from './manual/pages';
import { visible } from './output/escape';
import { buildProgram } from './parser/program';
import type { VerbSpec } from './program/command';
import type { Context } from './program/context';
import { argument, option } from './program/options';
import { candidates } from './shells/candidates';
import { completionScript, SHELLS, type Shell } from './shells/script';

export const command: VerbSpec = {
  description: 'the script with which a shell completes the command line of udrv',
  arguments: [argument('<shell>').choices(SHELLS)],
  options: [option('--line <words>', 'what the script asks for: the candidates behind these lines').hideHelp()],
  examples: ['completion bash', 'completion zsh'],
  run: completion,
};

function completion(context: Context, shell: Shell, { line }: { line?: string }): undefined {
  const program = buildProgram(context.stdout, context.stderr, process.env, line === undefined);
  if (line === undefined) {
    context.stdout.write(completionScript(shell, program, pageNames()));
    return;
  }
  for (const { text, description } of candidates(program, line.split('\n'), shell !== 'bash'))
    context.stdout.write(shell === 'bash' ? `${text}\n` : `${text}\t${visible(description)}\n`);
}
