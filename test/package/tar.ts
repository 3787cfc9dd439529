/** The portable package: a folder with Node in it that runs where it is unpacked, or over /usr/local. */
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { version } from '../../package.json';
import type { Architecture } from './fetched';
import { output } from './run';
import { Stage, sourceDate } from './stage';
import { COMPLETIONS, layOut } from './tree';

/** Nothing of who made the archive and when; `-n` leaves out the time in the head of gzip's format. */
const ALIKE = [
  '--sort=name',
  '--format=ustar',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
  '--use-compress-program=gzip -n',
];

export function makeTar(arch: Architecture, folder: string): string {
  const name = `udrv-${version}-linux-${arch}`;
  const file = join(folder, `${name}.tar.gz`);
  const stage = new Stage(join(folder, name));
  layOut(stage, '', arch, { completions: COMPLETIONS, manual: 'as it is' });
  stage.finish(sourceDate());
  output('tar', ['-c', ...ALIKE, '-f', resolve(file), name], folder);
  rmSync(stage.folder, { recursive: true });
  return file;
}
