import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Exit, fromSysError, SysError, UdrvError, usageError } from '../../errors';
import type { Session } from '../../session/session';
import { sysCall } from '../../sys/linux/node-fs';

export interface ScriptContext {
  /** Aborts when the script has to end. */
  signal: AbortSignal;
  args: readonly string[];
  /** Opens another device, which is closed with the first. */
  open(selector: string): Session;
}

/** The function that a script exports as its default. */
export type Script = (session: Session, context: ScriptContext) => unknown;

const TYPESCRIPT = new Set(['.ts', '.mts', '.cts']);

/**
 * Loads a script. Its top level runs now, before a device is opened.
 *
 * @throws UdrvError exit 2 where it is no module with a function as its default export, 9 where it is TypeScript and this
 *   Node does not strip types; what its top level throws
 */
export async function loadScript(path: string): Promise<Script> {
  const file = resolve(path);
  mustBeFile(file, path);
  if (TYPESCRIPT.has(extname(file)) && !stripsTypes())
    throw new UdrvError(`Node ${process.versions.node} does not run TypeScript`, {
      code: 'ENOTSUP',
      exit: Exit.unsupported,
      subject: path,
      hint: 'Node 22.18 or newer strips the types; or compile it to JavaScript',
    });
  const module: { default?: unknown } = await import(pathToFileURL(file).href);
  // A module of CommonJS has its exports as default: those that a compiler made have one of their own.
  const exported = isObject(module.default) && 'default' in module.default ? module.default['default'] : module.default;
  if (typeof exported !== 'function')
    throw usageError(
      path,
      'has no function as its default export',
      'export default async (session, { signal, args }) => { ... }',
    );
  return exported as Script;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Tells whether Node strips types from modules: by itself since 22.18, before that by an option. */
function stripsTypes(): boolean {
  return 'typescript' in process.features && Boolean(process.features.typescript);
}

function mustBeFile(file: string, path: string): void {
  try {
    if (!sysCall('open', path, () => statSync(file)).isFile()) throw usageError(path, 'is no file');
  } catch (error) {
    throw error instanceof SysError ? fromSysError(error) : error;
  }
}

/** Returns the error of a script for the user: its own is kept, any other gets the place where it was thrown. */
export function scriptError(error: unknown, path: string): unknown {
  if (error instanceof UdrvError || error instanceof SysError) return error;
  const { href } = pathToFileURL(resolve(path));
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const at = stack.split(href)[1] ?? stack.split(resolve(path))[1];
  const place = /^(:\d+(?::\d+)?)/.exec(at ?? '')?.[1] ?? '';
  const shown = new UdrvError(String(error), { code: 'ESCRIPT', exit: Exit.failed, subject: `${path}${place}` });
  if (stack !== '') shown.stack = stack;
  return shown;
}
