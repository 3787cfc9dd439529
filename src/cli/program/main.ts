import { listSelected } from '../devices/list';
import { deviceList } from '../lists/devices';
import { OutputStream } from '../output/stream';
import { plainList } from '../parser/plain-list';
import { openMachine, withMachine } from './machine';
import { runOn } from './run-on';

/**
 * Runs one command line. The listing, which people type most and scripts call in loops, is run without the parser: to
 * load commander and to tell it of all commands takes as long as the listing itself.
 *
 * @returns the exit code
 */
export async function main(line: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const stdout = new OutputStream(1, 'standard output');
  const stderr = new OutputStream(2, 'standard error');
  OutputStream.ofErrors = stderr;
  const typed = plainList(line);
  if (typed === null) {
    const { runLine } = require('../parser/command-line') as typeof import('../parser/command-line');
    return runLine(line, { stdout, stderr, env });
  }
  const options = withMachine(typed.global, env);
  try {
    const machine = openMachine(options, (text) => stderr.write(text));
    return await runOn(machine, options, { stdout, stderr, env }, (context) =>
      listSelected(context, deviceList('list'), [], typed.list),
    );
  } catch (error) {
    const { conclude } = require('./report') as typeof import('./report');
    return conclude(error, stderr, {
      asJson: options.json === true,
      debug: env['UDRV_DEBUG'] === '1',
      machine: options,
    });
  }
}
