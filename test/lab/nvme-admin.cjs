'use strict';
// node test/lab/nvme-admin.cjs NODE OPCODE CDW10 CDW11: sends one admin command without data to a controller that the
// kernel's nvme drives, by NVME_IOCTL_ADMIN_CMD (<linux/nvme_ioctl.h>), and prints its status and result.
const koffi = require('koffi');
const { openSync } = require('node:fs');

const NVME_IOCTL_ADMIN_CMD = 0xc0484e41;
const SIZE = 72;
const [OPCODE, CDW10, CDW11, RESULT] = [0, 40, 44, 68];

const libc = koffi.load(null);
const ioctl = libc.func('int ioctl(int fd, unsigned long request, void *argument)');
const [node, opcode, cdw10, cdw11] = process.argv.slice(2);
const command = Buffer.alloc(SIZE);
command.writeUInt8(Number(opcode), OPCODE);
command.writeUInt32LE(Number(cdw10), CDW10);
command.writeUInt32LE(Number(cdw11), CDW11);
const status = ioctl(openSync(node, 'r+'), NVME_IOCTL_ADMIN_CMD, command);
console.log(`status ${status} result ${command.readUInt32LE(RESULT)}`);
process.exitCode = status === 0 ? 0 : 1;
