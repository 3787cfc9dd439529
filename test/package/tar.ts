/** The portable package: a folder with Node in it that runs where it is unpacked, or over /usr/local. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { version } from '../../package.json';
import type { Architecture } from './fetched';
import { Stage, sourceDate } from './stage';
import { COMPLETIONS, layOut } from './tree';

export function makeTar(arch: Architecture, folder: string): string {
  const name = `udrv-${version}-linux-${arch}`;
  const file = join(folder, `${name}.tar.gz`);
  const stage = new Stage(join(folder, name));
  layOut(stage, '', arch, { completions: COMPLETIONS, manual: 'as it is' });
  const date = sourceDate();
  stage.finish(date);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, gzipSync(archive(stage.folder, date)));
  rmSync(stage.folder, { recursive: true });
  return file;
}

/** Puts a folder into an archive of tar, with nothing of who did it or when. */
function archive(folder: string, date: number): Buffer {
  const alike = ['--sort=name', '--format=ustar', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${date}`];
  return execFileSync('tar', ['-c', ...alike, '-C', dirname(folder), basename(folder)], { maxBuffer: 1 << 30 });
}
