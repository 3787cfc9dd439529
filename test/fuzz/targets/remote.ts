import { AnswerReader, errnoOf } from '../../../src/remote/answers';
import type { Target } from '../target';

const MARK = '0123456789abcdef';

/** The output of the script on a host, in pieces whose lengths the input's length chooses. */
const answers: Target = {
  name: 'answers',
  seeds: [
    Buffer.from(`0x8086\n\n${MARK} OK\n\n${MARK} ENOENT\nabc\n${MARK} ? Input/output error\n`),
    Buffer.from(`\n${MARK} LATER\n\n${MARK} OK\n`),
  ],
  run(input) {
    const reader = new AnswerReader(MARK);
    const piece = 1 + (input.length % 97);
    let taken = 0;
    for (let at = 0; at < input.length; at += piece) {
      reader.add(input.subarray(at, at + piece));
      for (let next = reader.next(); next !== null; next = reader.next()) {
        taken += next.content.length + next.status.length;
        if (next.status.length > 256) throw new Error('a status without an end');
        if (!/^E[A-Z0-9]{2,15}$/.test(errnoOf(next.status))) throw new Error(`${errnoOf(next.status)} is no errno`);
      }
    }
    if (taken + reader.waiting > input.length) throw new Error('more came out than went in');
  },
};

export const targets = [answers];
