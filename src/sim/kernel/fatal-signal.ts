/** A signal that would have killed the process: a program cannot catch it. */
export class FatalSignal extends Error {
  readonly signal: 'SIGSEGV' | 'SIGBUS';

  constructor(signal: 'SIGSEGV' | 'SIGBUS', message: string) {
    super(`${signal}: ${message}`);
    this.name = 'FatalSignal';
    this.signal = signal;
  }
}
