'use strict';
// Runs command lines of udrv for the agent in the guest, one after another in one process: to start Node there and load
// udrv takes a second, and these are most of what the tests run.
//
//   agent to this   {argv, env, stdout, stderr}   the outputs: files that are there
//   this to agent   {code, left}                  left: device nodes that the command left open, which a process takes with it
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

function nodesLeftOpen() {
  return fs.readdirSync('/proc/self/fd').flatMap((fd) => {
    let target = '';
    try {
      target = fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // It was the directory's own.
    }
    return /^\/dev\/(?:vfio|uio|bus|iommu)|\[vfio|iommufd/.test(target) ? [target] : [];
  });
}

// Each run adds some, for an end that does not come.
process.setMaxListeners(0);

process.on('message', ({ argv, env, stdout, stderr }) => {
  direct(1, stdout);
  direct(2, stderr);
  process.argv = [process.execPath, UDRV, ...argv];
  process.env = env;
  require(START).run();
});

// The last that a command does.
process.exit = (code) => process.send({ code, left: nodesLeftOpen() });
