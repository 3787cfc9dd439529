/** `npm run readme`: writes what the commands in the papers print now below them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAPERS, withOutputs, withoutTimes } from './console-blocks';

for (const paper of PAPERS) {
  const path = join(__dirname, '../..', paper);
  const text = readFileSync(path, 'utf8');
  const now = withOutputs(text);
  // Times alone are no reason to write anew.
  const isSame = withoutTimes(now) === withoutTimes(text);
  if (!isSame) writeFileSync(path, now);
  console.log(isSame ? `${paper} is as it should be` : `${paper} was written anew`);
}
