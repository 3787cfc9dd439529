import { Exit, type ExitCode, UdrvError } from '../errors';
import { sizeText } from '../text/size';

// Errors of a host, which is their subject. None is a stranger's text alone: the command makes what is in it visible.

function hostError(host: string, message: string, code: string, exit: ExitCode, hint?: string): UdrvError {
  return new UdrvError(message, { code, exit, subject: host, hint });
}

/** Makes the error of an `ssh` that does not start. */
export function notStarted(host: string, program: string, error: Error): UdrvError {
  const { code = 'EIO' } = error as NodeJS.ErrnoException;
  return code === 'ENOENT'
    ? hostError(host, `${program} is not installed here`, 'ENOSSH', Exit.failed, 'install the client of OpenSSH')
    : hostError(host, `${program} cannot be started`, code, Exit.failed);
}

export function tooSlow(host: string, timeoutMs: number, isReady: boolean): UdrvError {
  const message = isReady ? 'not everything was read' : 'no answer';
  return hostError(host, `${message} within ${timeoutMs / 1000} s`, 'ETIMEDOUT', Exit.timeout);
}

export function tooMuch(host: string, limit: number): UdrvError {
  return hostError(host, `sent more than ${sizeText(limit)}`, 'EHOST', Exit.failed);
}

/** Makes the error of a host that sends something else than the script does. */
export function wrongAnswer(host: string, length: number, sample: Buffer): UdrvError {
  const start = sample.subarray(0, 40).toString('latin1').trim();
  return hostError(host, `sent ${length} bytes that no shell sends, such as: ${start}`, 'EHOST', Exit.failed);
}

export interface BrokenOff {
  /** The exit code of `ssh`, which is that of the command there, or 255. */
  code: number | null;
  isReady: boolean;
  /** The end of what `ssh` and the host said on standard error. */
  said: string;
  sudo: boolean;
}

/** Makes the error of a connection that was not made, or ended too soon. */
export function brokenOff(host: string, { code, isReady, said, sudo }: BrokenOff): UdrvError {
  const last =
    said
      .trim()
      .split(/[\r\n]+/)
      .at(-1)
      ?.slice(0, 200)
      .trim() ?? '';
  if (sudo && /^sudo: /m.test(said))
    return hostError(
      host,
      `sudo does not run there without a password: ${last}`,
      'ENOLOGIN',
      Exit.permission,
      `allow it there (NOPASSWD), or connect as root: --host root@${host.replace(/^.*@/, '')}`,
    );
  if (/\bPermission denied\b/.test(last)) return hostError(host, last, 'ENOLOGIN', Exit.permission);
  if (last !== '' && (code === 255 || !isReady)) return hostError(host, last, 'EHOST', Exit.failed);
  return hostError(
    host,
    isReady
      ? 'the connection ended before everything was read'
      : `no shell answered there, and the exit code is ${code ?? 'that of a signal'}`,
    'EHOST',
    Exit.failed,
  );
}
