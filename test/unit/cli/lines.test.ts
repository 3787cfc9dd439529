import { LineWriter } from '../../../src/cli/output/lines';

/** Writes four lines, of which the third repeats the second. @returns what was written after each */
function written(isTTY: boolean): string[] {
  let text = '';
  const write = (data: string | Buffer) => {
    text += data.toString();
  };
  const writer = new LineWriter({ isTTY, write });
  return ['a', 'b', 'b', 'c'].map((content, index) => {
    writer.write({ offset: `0x${index}0`, content });
    return text;
  });
}

test('on a terminal each line is written at once: the next access may end the process', () => {
  expect(written(true)).toEqual([
    '0x00  a\n',
    '0x00  a\n0x10  b\n',
    '0x00  a\n0x10  b\n*\n',
    '0x00  a\n0x10  b\n*\n0x30  c\n',
  ]);
});

test('elsewhere lines are written in large pieces', () => {
  expect(written(false)).toEqual(['', '', '', '']);
});
