import { pagerWords } from '../../../src/cli/output/pager';

test.each([
  ['less -FRX', ['less', '-FRX']],
  ['  less   -R ', ['less', '-R']],
  ["'/opt/my pager/run' --title=\"a b\" ''", ['/opt/my pager/run', '--title=a b', '']],
  ['', []],
  ['   ', []],
])('%j is %j', (command, words) => expect(pagerWords(command)).toEqual(words));

test.each([
  'less | cat',
  'less; reboot',
  '$PAGER',
  'a `b`',
  "less 'x",
  'less "',
  'a\\ b',
  'less > out',
  'less &',
  'x*',
])('%s would need a shell', (command) => expect(pagerWords(command)).toBeNull());
