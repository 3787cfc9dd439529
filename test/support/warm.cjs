'use strict';
// Runs command lines of udrv, one after another in one process: to start Node and load udrv takes a tenth of a second,
// and a second in a guest of the lab, where koffi comes too. Its parent, the guest's agent or a test, sends the lines.
//
//   parent to this   {argv, env, cwd, stdout, stderr}   the outputs: files that are there
//   this to parent   {code, left}                       left: files that the command left open, which a process takes with it
const fs = require('node:fs');
const koffi = require('koffi');

const START = require.resolve('../../dist/cli/start.js');
const UDRV = require.resolve('../../bin/udrv');
const dup2 = koffi.load(null).func('int dup2(int from, int to)');

function direct(fd, file) {
  const from = fs.openSync(file, 'w');
  dup2(from, fd);
  fs.closeSync(from);
}

/** Descriptors of files and devices; Node's own are none. */
function openFiles() {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    let target = '';
    try {
      target = fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // It was the directory's own.
    }
    return Number(fd) > 2 && /^\/(?!proc\/|dev\/null$)|\[vfio|iommufd/.test(target) ? [`${fd} ${target}`] : [];
  });
}

// Each run adds some, for an end that does not come.
process.setMaxListeners(0);

let before = [];

process.on('message', ({ argv, env, cwd, stdout, stderr }) => {
  direct(1, stdout);
  direct(2, stderr);
  process.argv = [process.execPath, UDRV, ...argv];
  process.env = env;
  process.chdir(cwd);
  before = openFiles();
  require(START).run();
});

// The last that a command does.
process.exit = (code) => process.send({ code, left: openFiles().filter((file) => !before.includes(file)) });
