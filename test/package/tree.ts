/** The files of udrv below a prefix, /usr say: the same for every package that has Node in it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Architecture, koffiFor, nodeFor } from './fetched';
import { publishedFiles } from './npm';
import { output, ROOT } from './run';
import type { Stage } from './stage';

/** Where shells look for completions below a prefix; Debian has another place for zsh's. */
export const COMPLETIONS = {
  bash: 'share/bash-completion/completions/udrv',
  zsh: 'share/zsh/site-functions/_udrv',
  fish: 'share/fish/vendor_completions.d/udrv.fish',
};

/** Files of the package for npm that the command does not read. */
const NOT_NEEDED = /^(?:[^/]*\.md|LICENSE|fixtures\/examples\/.*|.*\.d\.ts)$/;

/** Files of koffi that are loaded; the rest is what its native part is compiled of. */
const KOFFI = ['package.json', 'index.cjs', 'src/koffi/index.cjs', 'src/koffi/src/static.cjs'];

const LAUNCHER = `#!/bin/sh
# Starts udrv with the Node that came with it, wherever both were put.
self=$0
while [ -h "$self" ]; do
  target=$(readlink "$self")
  case $target in /*) self=$target ;; *) self=\${self%/*}/$target ;; esac
done
case $self in */*) ;; *) self=./$self ;; esac
udrv=\${self%/*}/../lib/udrv
exec "$udrv/node" "$udrv/bin/udrv" "$@"
`;

export interface Places {
  completions: typeof COMPLETIONS;
  /** Debian wants them compressed. */
  manual: 'as it is' | 'compressed';
}

/** Lays out udrv, Node, koffi, manual pages, completions and licences. */
export function layOut(stage: Stage, prefix: string, arch: Architecture, places: Places): void {
  const at = (path: string) => join(prefix, path);
  const node = nodeFor(arch);
  stage.write(at('bin/udrv'), LAUNCHER, 0o755);
  stage.copy(join(node, 'bin/node'), at('lib/udrv/node'), 0o755);
  for (const path of publishedFiles().filter((name) => !NOT_NEEDED.test(name)))
    stage.copy(join(ROOT, path), at(`lib/udrv/${path}`), path.startsWith('bin/') ? 0o755 : 0o644);

  const modules = at('lib/udrv/node_modules');
  for (const path of KOFFI) stage.copy(join(ROOT, 'node_modules/koffi', path), join(modules, 'koffi', path));
  const native = koffiFor(arch);
  for (const path of ['package.json', 'index.js', `linux_${arch}/koffi.node`])
    stage.copy(join(native, path), join(modules, `@koromix/koffi-linux-${arch}`, path));

  for (const page of readdirSync(join(ROOT, 'man'))) {
    const text = readFileSync(join(ROOT, 'man', page));
    if (places.manual === 'compressed') stage.write(at(`share/man/man1/${page}.gz`), gzipped(text));
    else stage.write(at(`share/man/man1/${page}`), text);
  }
  for (const [shell, path] of Object.entries(places.completions))
    stage.write(at(path), output(process.execPath, [join(ROOT, 'bin/udrv'), 'completion', shell], ROOT));
  stage.write(at('share/doc/udrv/copyright'), licences());
  stage.write(at('share/doc/udrv/copyright.node.gz'), gzipped(readFileSync(join(node, 'LICENSE'))));
}

/** Compresses as `gzip -9n` does: without a name or a time. */
export function gzipped(content: Uint8Array | string): Buffer {
  return gzipSync(content, { level: 9 });
}

/** Returns the licences of udrv and of all that is built into it. */
function licences(): string {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const isBuiltIn = (path: string) => path !== '' && !packages[path].dev && !packages[path].optional;
  const parts = Object.keys(packages).filter(isBuiltIn).sort().map(licenceOf);
  const node = 'Node is in /lib/udrv/node; its licence, and those of what is in it, are in copyright.node.gz.';
  return [readFileSync(join(ROOT, 'LICENSE'), 'utf8'), `${node}\n`, ...parts].join(`\n${'-'.repeat(72)}\n\n`);
}

function licenceOf(path: string): string {
  const folder = join(ROOT, path);
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry) && existsSync(join(folder, entry)));
  const by = typeof author === 'string' ? author : (author?.name ?? 'its authors');
  const text = file === undefined ? `Copyright ${by}\nLicence: ${license}\n` : readFileSync(join(folder, file), 'utf8');
  return `${name} ${version}\n\n${text}`;
}
