import { execFileSync } from 'node:child_process';
import { copyFileSync, lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { output } from './run';

/** What the package for Debian depends on and what that depends on, beside a shell. */
export const DEBIAN_PACKAGES = ['libc6', 'libgcc-s1', 'gcc-12-base', 'libstdc++6', 'dash'];

/** Makes a root that has the files of some of Debian's packages, as they are installed here, and knows that it has them. */
export function makeRoot(root: string, packages: readonly string[]): void {
  const lists = packages.map((name) => output('dpkg-query', ['-L', name], '/'));
  const files = lists.flatMap((list) => list.split('\n'));
  const copied = files.filter(
    (file) => file !== '/.' && lstatSync(file, { throwIfNoEntry: false })?.isDirectory() === false,
  );
  for (const path of ['bin', 'lib', 'lib64']) link(root, path);
  const list = join(root, 'list');
  writeFileSync(list, copied.map((file) => file.slice(1)).join('\n'));
  const archive = execFileSync('tar', ['-c', '-C', '/', '-T', list], { maxBuffer: 1 << 28 });
  // Through the links, as Debian 12's own dpkg goes: /lib is /usr/lib.
  execFileSync('tar', ['-x', '--keep-directory-symlink', '-C', root], { input: archive });
  const database = join(root, 'var/lib/dpkg');
  mkdirSync(join(database, 'info'), { recursive: true });
  mkdirSync(join(database, 'updates'));
  const told = packages.map((name) => output('dpkg-query', ['-s', name], '/'));
  writeFileSync(join(database, 'status'), told.map((paragraph) => `${paragraph}\n`).join(''));
  packages.forEach((name, i) => {
    // By either name, as it is one of several architectures or not.
    for (const file of [name, `${name}:amd64`]) writeFileSync(join(database, 'info', `${file}.list`), lists[i] ?? '');
  });
}

function link(root: string, name: string): void {
  mkdirSync(join(root, 'usr', name), { recursive: true });
  execFileSync('ln', ['-s', `usr/${name}`, join(root, name)]);
}

/** Makes a root that has no more than the libraries of arm64 that Node is linked with, and the program that emulates it. */
export function makeArmRoot(root: string): void {
  const libraries = ['ld-linux-aarch64.so.1', 'libc.so.6', 'libdl.so.2', 'libgcc_s.so.1', 'libm.so.6'];
  for (const library of [...libraries, 'libpthread.so.0', 'libstdc++.so.6'])
    copy(join('/usr/aarch64-linux-gnu/lib', library), join(root, 'lib', library));
  copy('/usr/bin/qemu-aarch64-static', join(root, 'qemu'));
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
