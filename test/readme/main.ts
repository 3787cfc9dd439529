/** `npm run readme`: writes what the commands in README.md print now below them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withOutputs, withoutTimes } from './console-blocks';

const README = join(__dirname, '../../README.md');

const text = readFileSync(README, 'utf8');
const now = withOutputs(text);
// Times alone are no reason to write anew.
if (withoutTimes(now) !== withoutTimes(text)) writeFileSync(README, now);
console.log(withoutTimes(now) === withoutTimes(text) ? 'README.md is as it should be' : 'README.md was written anew');
