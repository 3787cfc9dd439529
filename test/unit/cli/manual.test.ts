import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderManual } from '../../../src/cli/manual/render';
import { describeWith } from '../../support/requires';

const MAN = join(__dirname, '../../../man');
const PAGES = readdirSync(MAN);

/** Words alone: lines break, and signs are typeset, otherwise. */
function wordsOf(text: string): string[] {
  const plain = text
    .replace(/.\x08/gu, '')
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/[–−•]/g, '-')
    // A line may end within a word that has a dash.
    .replace(/(\w-)\n\s*/g, '$1');
  return plain.split(/\s+/).filter((word) => word !== '');
}

describeWith('mandoc', 'a page rendered here has the words that mandoc makes of it:', () => {
  test.each(PAGES)('%s', (page) => {
    const { stdout } = spawnSync('mandoc', ['-Tutf8', '-Owidth=78', join(MAN, page)], { encoding: 'utf8' });
    // Without the lines above and below the page.
    const theirs = stdout.trim().split('\n').slice(1, -1).join('\n');
    expect(wordsOf(renderManual(readFileSync(join(MAN, page), 'utf8'), 78))).toEqual(wordsOf(theirs));
  });
});

describe.each(PAGES)('%s rendered here', (page) => {
  const source = readFileSync(join(MAN, page), 'utf8');
  const text = renderManual(source, 78);

  test('leaves no macro and no escape', () => {
    expect(text.split('\n').filter((line) => /^\s*\.[A-Z%]/.test(line) || line.includes('\\&'))).toEqual([]);
    expect(text).not.toMatch(/\b(?:Ar|Cm|Fl|Ic|Ns|Op|Pq|Ql|Xo|Xr)\b/);
  });

  test('fits the width, but for literal text', () => {
    const literal = new Set(
      source.split('\n').map((line) =>
        line
          .replaceAll('\\e', '\\')
          .trim()
          .replace(/^\.Dl /, ''),
      ),
    );
    const long = text.split('\n').filter((line) => line.length > 78 && !literal.has(line.trim()));
    expect(long.filter((line) => line.trim().includes(' '))).toEqual([]);
  });
});

test('lists, literal text and enclosures are laid out', () => {
  const page = `.Dd November 1, 2026
.Dt X 1
.Os
.Sh NAME
.Nm x
.Nd shows things
.Sh SYNOPSIS
.Nm
.Op Fl a | -all
.Op Ar file ...
.Sh DESCRIPTION
Text of
.Nm ,
see
.Xr y 1 or
.Pq Ql a\\eb .
.Bl -tag -width Ds
.It Xo
.Ic go
.Op Fl w Ar bytes
.Xc
Goes.
.Bl -bullet
.It
one
.It
two
.El
.It Ar OFFSET Ns Li + Ns Ar LENGTH
Then.
.Bd -literal
  as   is
.Ed
.El
.Pp
.Dl $ x go`;
  expect(renderManual(page, 60)).toBe(`NAME
     x - shows things

SYNOPSIS
     x [-a | --all] [file ...]

DESCRIPTION
     Text of x, see y(1) or ('a\\b').

     go [-w bytes]
             Goes.

             - one

             - two

     OFFSET+LENGTH
             Then.

               as   is

          $ x go
`);
});
