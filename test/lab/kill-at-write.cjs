// Kills the process that requires it before its write to sysfs number KILL_AT: NODE_OPTIONS='--require FILE'.
const fs = require('node:fs');

const { writeSync } = fs;
let left = Number(process.env.KILL_AT);
fs.writeSync = (fd, ...rest) => {
  if (fs.readlinkSync(`/proc/self/fd/${fd}`).startsWith('/sys/') && --left === 0) process.kill(process.pid, 'SIGKILL');
  return writeSync(fd, ...rest);
};
