import { wrapWords } from '../tables/text-width';

/** Macros of mdoc(7) that may stand inside of a line, as far as the pages of this package use them. */
const INLINE = /^(?:Ar|Cm|Dv|Ev|Fl|Ic|Li|Nm|No|Ns|Oc|Oo|Op|Pa|Pf|Pq|Ql|Qq|Sx|Va|Xr)$/;

/** Signs around all that follows on the line. */
const AROUND: Readonly<Record<string, readonly [string, string]>> = {
  Op: ['[', ']'],
  Pq: ['(', ')'],
  Ql: ["'", "'"],
  Qq: ['"', '"'],
};

const CLOSING = /^[.,;:?!)\]]$/;

/** Columns before the text of a section, and before the text of an item beyond its head. */
const SECTION = 5;
const ITEM = 8;

/**
 * Renders a manual page of this package as plain text, for machines without a program that does it. Knows the part of
 * mdoc(7) that these pages use; bold and underlined text becomes plain.
 */
export function renderManual(page: string, width: number): string {
  const lists: { base: number; words: string[] }[] = [];
  const out: string[] = [];
  let [name, section, indent] = ['', '', SECTION];
  let text: string[] = [];
  let head: string[] | null = null;
  let reference: string[] = [];
  let isLiteral = false;

  const flush = () => {
    out.push(...wrapped(text.join(' '), indent, width));
    text = [];
  };
  const blank = () => {
    flush();
    if (out.length > 0 && out.at(-1) !== '' && out.at(-1) !== section) out.push('');
  };
  const item = (title: string) => {
    const { base = indent, words = [] } = lists.at(-1) ?? {};
    if (words.includes('-compact')) flush();
    else blank();
    indent = base;
    const isBullet = words[0] === '-bullet';
    text = [isBullet ? '-' : title];
    if (isBullet) return;
    flush();
    indent += ITEM;
  };

  const macros: Readonly<Record<string, (words: string[]) => void>> = {
    Sh(words) {
      blank();
      section = words.join(' ');
      indent = SECTION;
      out.push(section);
    },
    Pp: blank,
    Bl: (words) => {
      flush();
      lists.push({ base: indent, words });
    },
    It(words) {
      if (words[0] === 'Xo') head = [];
      else item(inline(words, name));
    },
    Xc() {
      item((head ?? []).join(' '));
      head = null;
    },
    El() {
      flush();
      indent = lists.pop()?.base ?? SECTION;
    },
    Bd() {
      blank();
      isLiteral = true;
    },
    Ed() {
      isLiteral = false;
      blank();
    },
    Dl(words) {
      flush();
      out.push(' '.repeat(indent + SECTION) + words.map(unescaped).join(' '));
    },
    Nd: (words) => text.push(`- ${words.join(' ')}`),
    Rs() {
      reference = [];
    },
    Re: () => text.push(`${reference.join(', ')}.`),
    ...Object.fromEntries(['Dd', 'Dt', 'Os'].map((ignored) => [ignored, () => {}])),
  };

  for (const line of page.split('\n')) {
    const [, macro, rest = ''] = /^\.(%?[A-Z][a-z]?)(?: +(.*))?$/.exec(line) ?? [];
    if (macro === undefined) {
      if (isLiteral) out.push(`${' '.repeat(indent)}${unescaped(line)}`.trimEnd());
      else if (!line.startsWith('.')) text.push(unescaped(line));
      continue;
    }
    const words = Array.from(rest.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '');
    const own = macros[macro];
    if (macro === 'Nm') {
      name ||= words[0] ?? '';
      if (section === 'SYNOPSIS') flush();
    }
    if (own !== undefined) own(words);
    else if (macro.startsWith('%')) reference.push(words.join(' '));
    else (head ?? text).push(inline([macro, ...words], name));
  }
  flush();
  return `${out.join('\n')}\n`;
}

/** Makes text of the words of one line. @param name the one that `Nm` stands for */
function inline(words: readonly string[], name: string): string {
  const closers: string[] = [];
  const end = words.findLastIndex((word) => !CLOSING.test(word)) + 1;
  let [text, isJoined, macro] = ['', true, ''];
  const add = (word: string, joins = false) => {
    text += isJoined || CLOSING.test(word) ? word : ` ${word}`;
    isJoined = joins;
  };
  for (const [at, word] of words.entries()) {
    const around = AROUND[word];
    const isLast = at + 1 >= end || INLINE.test(words[at + 1] ?? '');
    if (at === end) text += closers.splice(0).join('');
    if (!INLINE.test(word)) {
      if (macro === 'Xr' && /^\d$/.test(word)) text += `(${word})`;
      else if (macro === 'Fl' && !/^[|,]$/.test(word) && !CLOSING.test(word)) add(`-${unescaped(word)}`);
      else add(unescaped(word), macro === 'Pf');
      continue;
    }
    macro = word;
    if (around !== undefined) {
      add(around[0], true);
      closers.unshift(around[1]);
    } else if (word === 'Oo') add('[', true);
    else if (word === 'Oc') text += ']';
    else if (word === 'Ns') isJoined = true;
    else if (word === 'Nm' && isLast) add(name);
    else if (word === 'Fl' && isLast) add('-', true);
  }
  return text + closers.join('');
}

function wrapped(text: string, indent: number, width: number): string[] {
  const words = text.split(' ').filter((word) => word !== '');
  return wrapWords(words, width - indent).map((line) => ' '.repeat(indent) + line);
}

/** Resolves the escapes of roff(7) that the pages use. */
function unescaped(text: string): string {
  return text.replace(/\\(e|&|-)/g, (_, sign) => ({ e: '\\', '&': '', '-': '-' })[sign as string] ?? '');
}
