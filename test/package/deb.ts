/** The package for Debian, Ubuntu and what comes of them. It has Node in it, because Debian 12's is too old. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bugs, description, version } from '../../package.json';
import type { Architecture } from './fetched';
import { output, ROOT } from './run';
import { Stage, sourceDate } from './stage';
import { COMPLETIONS, gzipped, layOut } from './tree';

const DEBIAN: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

const MAINTAINER = 'the udrv authors <udrv@users.noreply.github.com>';

/** What Node's binary asks for: GLIBC_2.28, CXXABI_1.3.11 (GCC 7). The launcher is sh, which is always there. */
const DEPENDS = 'libc6 (>= 2.28), libgcc-s1, libstdc++6 (>= 7)';

const HERE = join(ROOT, 'test/package/debian');

export function makeDeb(arch: Architecture, folder: string): string {
  const debian = DEBIAN[arch];
  const name = `udrv_${version}_${debian}`;
  const file = join(folder, `${name}.deb`);
  const date = sourceDate();
  const stage = new Stage(join(folder, name));
  const completions = { ...COMPLETIONS, zsh: 'share/zsh/vendor-completions/_udrv' };
  layOut(stage, 'usr', arch, { completions, manual: 'compressed' });
  stage.copy(join(HERE, 'udev.rules'), 'usr/lib/udev/rules.d/60-udrv.rules');
  stage.copy(join(HERE, 'lintian-overrides'), 'usr/share/lintian/overrides/udrv');
  stage.write('usr/share/doc/udrv/changelog.gz', gzipped(changelog(date)));
  const { sums, kilobytes } = contents(stage.folder);
  stage.write('DEBIAN/md5sums', sums);
  stage.write('DEBIAN/control', control(debian, kilobytes));
  stage.finish(date);
  output('dpkg-deb', ['--root-owner-group', '-Zgzip', '-z6', '--build', stage.folder, file], ROOT, {
    SOURCE_DATE_EPOCH: `${date}`,
  });
  rmSync(stage.folder, { recursive: true });
  return file;
}

function control(architecture: string, kilobytes: number): string {
  return `Package: udrv
Version: ${version}
Architecture: ${architecture}
Maintainer: ${MAINTAINER}
Installed-Size: ${kilobytes}
Depends: ${DEPENDS}
Suggests: man-db, pci.ids
Section: utils
Priority: optional
Homepage: ${bugs.replace(/\/issues$/, '')}
Description: ${description.replace(/^\w/, (letter) => letter.toLowerCase()).replace(/ on Linux:.*/, '')}
 udrv covers the three ways in which Linux lets a program drive a device from
 user space: UIO, VFIO and usbfs. It reads and writes registers in exactly the
 width asked for, waits for interrupts, proves what a device's DMA can reach,
 issues USB transfers, and names what is missing when something does not work.
 .
 This package has its own Node in it.
`;
}

/** Says in Debian's form that CHANGELOG.md is the one to read. */
function changelog(date: number): string {
  const day = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  return `udrv (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of the project.\n\n -- ${MAINTAINER}  ${day}\n`;
}

/** Makes the list of dpkg's checksums, and counts the space as Debian's policy does: whole KiB for each file, one for a folder. */
function contents(folder: string): { sums: string; kilobytes: number } {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sums = files.sort().map((file) => {
    const sum = createHash('md5').update(readFileSync(file)).digest('hex');
    return `${sum}  ${relative(folder, file)}\n`;
  });
  const sizes = files.map((file) => Math.ceil(lstatSync(file).size / 1024));
  const kilobytes = sizes.reduce((sum, size) => sum + size, entries.length - files.length);
  return { sums: sums.join(''), kilobytes };
}
