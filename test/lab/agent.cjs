'use strict';
// Runs in the guest and starts processes for the host: JSON, one message a line, over a virtio serial port.
// Any number of processes run at once; each message carries the id that the host gave its process.
//
//   host to guest   {id, op: 'spawn', command: string | string[], cwd, env, uid?}   a string goes to the shell
//                   {id, op: 'udrv', command: string[], cwd, env, uid?}             udrv, in a process that is there already
//                   {id, op: 'evaluate', command: [source of a function, its argument as JSON]}      prints what it returns
//                   {id, op: 'stdin', data}   {id, op: 'closeStdin'}   {id, op: 'kill', signal}
//                   {id, op: 'explain'}   where it waits: comes as its output
//   guest to host   {op: 'ready', release, log}
//                   {id, op: 'stdout' | 'stderr', data}   {id, op: 'exit', code, signal}   {id, op: 'failed', code, message}
//
// `data` is base64.
const { fork, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');

const PORT_NAME = 'udrv.agent';
const SETUP_LOG = '/run/lab-setup.log';
/** Bytes on their way to the host above which processes are made to wait, and below which they go on. */
const HIGH_WATER = 1024 * 1024;
const LOW_WATER = 256 * 1024;
/** The longest wait for the output of a process that has ended: a child it left behind may hold it open. */
const LINGER_MS = 500;
const OUTPUT_CHUNK = 48 * 1024;

/** udev would make the link in /dev/virtio-ports; without it, sysfs says which port has the name. */
function openPort() {
  const ports = '/sys/class/virtio-ports';
  const port = fs
    .readdirSync(ports)
    .find((entry) => fs.readFileSync(`${ports}/${entry}/name`, 'utf8').trim() === PORT_NAME);
  if (port === undefined) throw new Error(`no virtio port is called ${PORT_NAME}`);
  return fs.openSync(`/dev/${port}`, 'r+');
}

const port = openPort();
const children = new Map();

// --- To the host: one write at a time, in order ---

const queue = [];
let queued = 0;
let writing = false;
let holding = false;

function send(message) {
  const line = Buffer.from(`${JSON.stringify(message)}\n`);
  queue.push(line);
  queued += line.length;
  if (queued > HIGH_WATER) hold(true);
  if (!writing) writeNext();
}

function writeNext() {
  const line = queue.shift();
  writing = line !== undefined;
  if (!writing) return;
  fs.write(port, line, (error, written) => {
    if (error) throw error;
    queued -= written;
    if (written < line.length) queue.unshift(line.subarray(written));
    if (queued < LOW_WATER) hold(false);
    writeNext();
  });
}

/** Holds every process's output back, or lets it come again: a full pipe stops the process that writes to it. */
function hold(on) {
  if (holding === on) return;
  holding = on;
  for (const child of children.values()) {
    for (const stream of [child.stdout, child.stderr]) on ? stream?.pause() : stream?.resume();
  }
}

// --- Processes ---

function start({ id, command, cwd, env, uid }) {
  const [file, ...args] = typeof command === 'string' ? ['/bin/bash', '-c', command] : command;
  // A session of its own, so that a signal reaches all of it, as a terminal's Ctrl-C would.
  const child = spawn(file, args, { cwd, env, detached: true, ...(uid === undefined ? {} : { uid, gid: uid }) });
  let reported = false;
  const report = (message) => {
    if (reported) return;
    reported = true;
    children.delete(id);
    send({ id, ...message });
  };
  child.on('error', (error) =>
    report({ op: 'failed', code: error.code, message: `the guest: could not start: ${error.message}` }),
  );
  if (child.pid === undefined) return;

  children.set(id, child);
  for (const name of ['stdout', 'stderr']) {
    child[name].on('data', (data) => send({ id, op: name, data: data.toString('base64') }));
    if (holding) child[name].pause();
  }
  // A process may end without reading all it was given.
  child.stdin.on('error', () => {});
  const ended = (code, signal) => report({ op: 'exit', code, signal });
  child.on('close', ended);
  child.on('exit', (code, signal) => setTimeout(lingered, LINGER_MS, child, () => ended(code, signal)));
}

/** Ends the wait for a process's output, unless it is we who hold that output back. */
function lingered(child, end) {
  if (holding) {
    setTimeout(lingered, LINGER_MS, child, end);
    return;
  }
  child.stdout.destroy();
  child.stderr.destroy();
  end();
}

// --- udrv in a process that is there already: ../support/warm.cjs ---

/** By user. */
const warm = new Map();

function runWarm(message) {
  const { id, command, cwd, env, uid } = message;
  const own = warm.get(uid) ?? startWarm(cwd, env, uid);
  if (own.running !== null) {
    start(message);
    return;
  }
  own.running = id;
  children.set(id, own.child);
  const [, ...argv] = command;
  own.child.send({ argv, env, cwd, ...own.files });
}

function startWarm(cwd, env, uid) {
  const files = {};
  for (const name of ['stdout', 'stderr']) {
    files[name] = `/run/lab/warm-${uid ?? 0}.${name}`;
    fs.writeFileSync(files[name], '');
    if (uid !== undefined) fs.chownSync(files[name], uid, uid);
  }
  const stdio = ['ignore', 'ignore', 'ignore', 'ipc'];
  const sendOutput = (id) => {
    for (const [name, file] of Object.entries(files)) {
      const data = fs.readFileSync(file);
      // In messages as those of other processes are: a large one would hold up the rest.
      for (let at = 0; at < data.length; at += OUTPUT_CHUNK)
        send({ id, op: name, data: data.toString('base64', at, at + OUTPUT_CHUNK) });
    }
  };
  const own = { files, running: null, child: null, sendOutput };
  own.child = fork(`${__dirname}/../support/warm.cjs`, {
    cwd,
    env,
    stdio,
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const end = (message) => {
    const id = own.running;
    if (id === null) return;
    own.running = null;
    children.delete(id);
    sendOutput(id);
    send({ id, ...message });
  };
  own.child.on('message', ({ code, left }) =>
    end(
      left.length === 0
        ? { op: 'exit', code, signal: null }
        : { op: 'failed', message: `the guest: a command left open: ${left.join(', ')}` },
    ),
  );
  // A signal, or an error that nothing caught: as it ends a process that was started for one command.
  own.child.on('exit', (code, name) => {
    warm.delete(uid);
    end({ op: 'exit', code, signal: name });
  });
  warm.set(uid, own);
  return own;
}

// --- Where a process waits that does not end ---

const KERNEL_MESSAGES = 20;

function explain(id, child) {
  const own = [...warm.values()].find(({ running }) => running === id);
  if (own !== undefined) own.sendOutput(id);
  const text = [...tasksThatWait(child.pid), ...lastKernelMessages()].join('\n');
  send({ id, op: 'stderr', data: Buffer.from(`\n${text}\n`).toString('base64') });
}

/** Those of a process group, and all that no signal reaches now (state D), with the functions of the kernel they are in. */
function tasksThatWait(group) {
  const read = (file) => {
    try {
      return fs.readFileSync(file, 'latin1');
    } catch {
      return ''; // it ended, or this kernel keeps no stacks
    }
  };
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const tasks = pids.flatMap((pid) => {
    const main = stateOf(read(`/proc/${pid}/stat`));
    const isOfGroup = main?.group === group;
    if (main === null || !(isOfGroup || main.state === 'D')) return [];
    if (!isOfGroup) return [[`/proc/${pid}`, main]];
    const folder = `/proc/${pid}/task`;
    return fs.readdirSync(folder).map((task) => [`${folder}/${task}`, stateOf(read(`${folder}/${task}/stat`))]);
  });
  return tasks.flatMap(([folder, task]) =>
    task === null ? [] : `${task.pid} ${task.name} ${task.state}\n${read(`${folder}/stack`)}`.trimEnd(),
  );
}

/** Reads a line of /proc/PID/stat; the name may have blanks and parentheses. */
function stateOf(stat) {
  const [, pid, name, state, group] = /^(\d+) (\(.*\)) (\S) \d+ (\d+)/s.exec(stat) ?? [];
  return pid === undefined ? null : { pid, name, state, group: Number(group) };
}

function lastKernelMessages() {
  const fd = fs.openSync('/dev/kmsg', fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const record = Buffer.alloc(8192);
  const messages = [];
  try {
    for (;;) messages.push(record.toString('utf8', 0, fs.readSync(fd, record)).split('\n')[0]);
  } catch {
    // EAGAIN: that was the last.
  } finally {
    fs.closeSync(fd);
  }
  return messages.slice(-KERNEL_MESSAGES);
}

// --- A function of the host's, in this process: to look at a file costs a hundredth of a shell that does it ---

function evaluate({ id, command: [source, argument] }) {
  try {
    const result = new Function(`return (${source})`)()(fs, JSON.parse(argument));
    send({ id, op: 'stdout', data: Buffer.from(JSON.stringify(result ?? null)).toString('base64') });
    send({ id, op: 'exit', code: 0, signal: null });
  } catch (error) {
    send({ id, op: 'failed', code: error.code, message: `the guest: ${error.message}` });
  }
}

function signal(child, name) {
  try {
    process.kill(-child.pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

function handle(message) {
  if (message.op === 'spawn') return start(message);
  if (message.op === 'udrv') return runWarm(message);
  if (message.op === 'evaluate') return evaluate(message);
  const child = children.get(message.id);
  if (child === undefined) return; // it ended meanwhile
  if (message.op === 'stdin') child.stdin?.write(Buffer.from(message.data, 'base64'));
  else if (message.op === 'closeStdin') child.stdin?.end();
  else if (message.op === 'kill') signal(child, message.signal);
  else if (message.op === 'explain') explain(message.id, child);
}

// --- From the host ---

const input = Buffer.allocUnsafeSlow(64 * 1024);
let partial = '';

function readNext() {
  fs.read(port, input, 0, input.length, null, (error, length) => {
    if (error) throw error;
    if (length === 0) process.exit(0); // the host has gone
    const lines = (partial + input.toString('latin1', 0, length)).split('\n');
    partial = lines.pop();
    for (const line of lines) handle(JSON.parse(Buffer.from(line, 'latin1').toString()));
    readNext();
  });
}

/** Setting the machine up goes on beside our start; its log gets this name when that is done. */
function whenSetUp(then) {
  if (fs.existsSync(SETUP_LOG)) then(fs.readFileSync(SETUP_LOG, 'utf8'));
  else setTimeout(whenSetUp, 50, then);
}

whenSetUp((log) => {
  send({ op: 'ready', release: os.release(), log });
  readNext();
});
