import type { Context } from '../program/context';

/** Stands for the host in the name of a file. */
export const HOST_IN_NAME = '%h';

/** Returns the file that `-o` names, which is another one for each of several hosts. */
export function hostFile({ options }: Context, file: string | undefined): string | undefined {
  if (options.host === undefined) return file;
  return file?.replaceAll(HOST_IN_NAME, [options.host].flat().join(',').replaceAll('/', '_'));
}
