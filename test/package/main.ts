/**
 * `npm run package -- npm|deb|tar [--arch x64|arm64]`: makes a package in packages/, the same bytes each time for the same
 * sources. Prints the file, and for npm its size against the bound of the project, which exits 1 where it misses.
 */
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { makeDeb } from './deb';
import { ARCHITECTURES, type Architecture } from './fetched';
import { BOUND, makeNpmPackage } from './npm';
import { makeTar } from './tar';

const USAGE = 'usage: npm run package -- npm|deb|tar [--arch x64|arm64] [--to FOLDER]';

function run(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { arch: { type: 'string', default: process.arch }, to: { type: 'string', default: 'packages' } },
  });
  const [kind] = positionals;
  const arch = ARCHITECTURES.find((name) => name === values.arch);
  if (arch === undefined || positionals.length !== 1) throw new Error(USAGE);
  const file = make(kind, arch, values.to);
  const { size } = statSync(file);
  if (kind !== 'npm') {
    console.log(`${file}  ${(size / 1e6).toFixed(1)} MB`);
    return;
  }
  const isMet = size <= BOUND;
  const [kilobytes, bound] = [size, BOUND].map((bytes) => Math.round(bytes / 1000));
  console.log(`${file}  ${kilobytes} KB, ${(size / BOUND).toFixed(2)} of ${bound} KB: ${isMet ? 'met' : 'missed'}`);
  if (!isMet) process.exitCode = 1;
}

function make(kind: string | undefined, arch: Architecture, folder: string): string {
  switch (kind) {
    case 'npm':
      return makeNpmPackage(folder).file;
    case 'deb':
      return makeDeb(arch, folder);
    case 'tar':
      return makeTar(arch, folder);
    default:
      throw new Error(USAGE);
  }
}

try {
  run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
