import { commands } from '../../src/cli';
import { lookingFirst } from '../../src/cli/journal/first-look';
import type { OutputStream } from '../../src/cli/output/stream';
import { buildProgram, takeFromParent } from '../../src/cli/parser/program';
import type { CommandIndex, CommandSpec, VerbSpec } from '../../src/cli/program/command';
import type { Context, GlobalOptions } from '../../src/cli/program/context';
import { conclude } from '../../src/cli/program/report';
import { runOn } from '../../src/cli/program/run-on';
import type { Journal } from '../../src/sys/journal';
import type { StateStore } from '../../src/sys/state';
import type { Sys } from '../../src/sys/sys';

Object.assign(globalThis, { UDRV_VERSION: '0.0.0' });

export interface Ran {
  exit: number;
  stdout: string;
  stderr: string;
}

/** Runs a command line, with words in quotes where they hold blanks, in this process, as `udrv --sim` does, on a machine and with the memory that it is given. */
export async function runCommand(line: string, sys: Sys, bindings: StateStore, journal?: Journal): Promise<Ran> {
  const words = Array.from(line.matchAll(/'([^']*)'|\S+/g), ([word, quoted]) => quoted ?? word);
  const out = new Collected();
  const err = new Collected();
  const surroundings = {
    stdout: out as unknown as OutputStream,
    stderr: err as unknown as OutputStream,
    env: { LC_ALL: 'C.UTF-8' },
  };
  const { program, load } = buildProgram(surroundings.stdout, surroundings.stderr, surroundings.env, false);
  let command = program;
  let index: CommandIndex | undefined = commands;
  let spec: CommandSpec | undefined;
  for (const word of words.filter((word) => !word.startsWith('-'))) {
    const found = command.commands.find((one) => one.name() === word);
    if (found === undefined) break;
    command = found;
    load(command);
    spec = index?.[word]?.().command;
    index = spec?.commands;
  }
  const run = spec?.run as VerbSpec['run'] | undefined;
  if (run === undefined) throw new Error(`${words.join(' ')} names no command`);
  let exit = 0;
  command.action(async (...given: unknown[]) => {
    takeFromParent(command, given.at(-2) as Record<string, unknown>);
    const options = { ...command.optsWithGlobals<GlobalOptions>(), sim: true };
    const machine = { sys, bindings, ...(journal && { journal }) };
    const work = (context: Context) => run(context, ...(given.slice(0, -1) as never[]));
    exit = await runOn(machine, options, surroundings, lookingFirst(spec as VerbSpec, work));
  });
  try {
    await program.exitOverride().parseAsync(words, { from: 'user' });
  } catch (error) {
    exit = conclude(error, surroundings.stderr, { asJson: false, debug: false, machine: { sim: true } });
  }
  return { exit, stdout: out.text, stderr: err.text };
}

class Collected {
  readonly isTTY = false;
  text = '';
  beforeWrite: (() => void) | undefined;

  write(data: string | Buffer): void {
    this.text += data.toString();
  }
}
