import { acquiring, type Cleanup } from '../cleanup';
import { Exit, errnoMessage, SysError, UdrvError } from '../errors';
import { attempt } from '../sys/attempt';
import { AttributeReader } from '../sys/readers/attributes';
import type { Sys, SysTree } from '../sys/sys';
import { shellWord } from '../text/shell';
import { RULES } from './rules-file';

/** A file of {@link RULES} before and after; null where there is none. */
export interface FileChange {
  path: string;
  before: string | null;
  after: string | null;
}

/**
 * Makes changes of files, all or none.
 *
 * @returns the owner of the undoing: closing it puts the files back
 * @throws UdrvError
 */
export function changeFiles(sys: Sys, changes: readonly FileChange[]): Cleanup {
  return acquiring((cleanup) => {
    for (const { path, before, after } of changes) {
      if (before === after) continue;
      put(sys, path, after);
      cleanup.defer(() => put(sys, path, before));
    }
    return cleanup;
  });
}

/** Returns a change as a person would type it. */
export function fileCommand({ path, after }: FileChange): string {
  if (after === null) return `rm ${shellWord(path)}`;
  const lines = after.split('\n').slice(0, -1);
  return `printf '%s\\n' ${lines.map(shellWord).join(' ')} > ${shellWord(path)}`;
}

function put(sys: Sys, path: string, text: string | null): void {
  try {
    if (text === null) sys.removeFile(path);
    else sys.replaceFile(path, text);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    throw fileError(text === null ? 'removed' : 'written', error);
  }
}

/**
 * @param instead advice where there is no udev
 * @throws UdrvError where udev has no directory for rules, or it is somewhere else
 */
export function mustHaveRules(sys: SysTree, instead?: string): void {
  const parts = RULES.split('/');
  for (const [i] of parts.entries()) {
    const path = parts.slice(0, i + 1).join('/');
    if (path !== '' && isLink(sys, path)) throw linkError(path);
  }
  try {
    sys.readDir(RULES);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') throw noUdevError(error.code, instead);
    throw fileError('written', error);
  }
}

/** Reads a file of {@link RULES}, and follows no link to somewhere else. */
export function readOwn(reader: AttributeReader, path: string): string | null {
  if (isLink(reader.sys, path)) {
    reader.errors.push({ path, code: 'ELOOP' });
    return null;
  }
  return reader.bytes(path)?.toString('utf8') ?? null;
}

/** Returns the text of a rule's file; null where there is none. @throws UdrvError where it is a link or unreadable */
export function ownText(sys: SysTree, path: string): string | null {
  const reader = new AttributeReader(sys);
  const text = readOwn(reader, path);
  if (text === null && reader.errors.length > 0) throw foreignFileError(path);
  return text;
}

function isLink(sys: SysTree, path: string): boolean {
  return attempt(() => sys.readLink(path), null) !== null;
}

/** A file in the place of a rule that udrv did not write, or that was changed since. */
export function foreignFileError(path: string): UdrvError {
  return new UdrvError('is not as udrv wrote it, and is left alone', {
    code: 'EEXIST',
    exit: Exit.busy,
    subject: path,
    hint: `look at it, and remove it if it is not needed: sudo rm ${path}`,
  });
}

function noUdevError(code: string, hint: string | undefined): UdrvError {
  return new UdrvError('is not there: udev is not installed', { code, exit: Exit.unsupported, subject: RULES, hint });
}

/** A directory that leads somewhere else, where a file of udrv's would not be udev's. */
function linkError(path: string): UdrvError {
  return new UdrvError('is a symbolic link, which is not followed', {
    code: 'ELOOP',
    exit: Exit.busy,
    subject: path,
    hint: `ls -l ${path} shows the target`,
  });
}

/** @param failed `written` or `removed` */
function fileError(failed: string, { code, path }: SysError): UdrvError {
  const denied = code === 'EACCES' || code === 'EPERM';
  return new UdrvError(`the rule cannot be ${failed}: ${errnoMessage(code)}`, {
    code,
    exit: denied || code === 'EROFS' ? Exit.permission : Exit.failed,
    subject: path,
    hint: denied ? 'run it as root: sudo udrv ...' : undefined,
  });
}
