import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHosts } from '../support/ssh-hosts';
import { verdict } from './measure';

const LIVE = 80;
const SLOW = 10;
const SILENT = 5;
const REFUSED = 5;
/** The time that each host has. Here it shares two processors with the others, both ends of each connection. */
const HOST_TIMEOUT_S = 60;

/** Measures one listing of 100 hosts behind sshd on loopback, ten of which are dead and ten slow. */
export async function benchFleet(): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'udrv-bench-'));
  const addresses = (count: number, net: number) => Array.from({ length: count }, (_, i) => `127.0.${net}.${i + 1}`);
  const [live, slow, silent, refused] = [
    addresses(LIVE, 10),
    addresses(SLOW, 11),
    addresses(SILENT, 12),
    addresses(REFUSED, 13),
  ];
  try {
    const sshd = Object.fromEntries([...live.map((host) => [host, null]), ...slow.map((host) => [host, 'sleep 600'])]);
    await using running = await startHosts(dir, { sshd, silent });
    const one = await timed(running.options, [live[0] ?? '']);
    const all = await timed(running.options, [...silent, ...refused, ...slow, ...live]);
    const documents = all.stdout.split('\n').filter((line) => line.includes('"udrv.list/1"')).length;
    const errors = all.stderr.split('\n').filter((line) => line.includes('"error"')).length;
    console.log(
      `  one host ${one.seconds.toFixed(1)} s; ${documents} of 100 listed, ${errors} error lines, exit ${all.exit}`,
    );
    return [
      verdict('hosts listed of the 80 that are there', LIVE - documents, 0, ' missing'),
      verdict('error lines beside those of 10 dead and 10 slow', Math.abs(errors - SLOW - SILENT - REFUSED), 0, ''),
      verdict('100 hosts', all.seconds, 2 * HOST_TIMEOUT_S, ' s'),
      verdict('memory at most', all.peak, 256, ' MiB'),
    ].every(Boolean);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Lists hosts. @returns the time, the output, and the most memory that udrv had, in MiB */
async function timed(options: readonly string[], hosts: readonly string[]) {
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [
      'bin/udrv',
      '--json',
      '--host',
      hosts.join(','),
      '--host-timeout',
      String(HOST_TIMEOUT_S),
      ...options.flatMap((option) => ['--ssh-option', option]),
      'list',
      '--all',
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (text) => {
    output.stdout += text;
  });
  child.stderr.on('data', (text) => {
    output.stderr += text;
  });
  let peak = 0;
  const look = setInterval(() => {
    peak = Math.max(peak, highWater(child.pid));
  }, 50);
  const exit = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(look);
  return { seconds: (performance.now() - start) / 1000, ...output, exit, peak };
}

/** Returns the most memory that a process has had, in MiB; 0 where it has ended. */
function highWater(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
