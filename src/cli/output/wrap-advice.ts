import { wrapWords } from '../tables/text-width';

/** A command of udrv or for root, wherever it stands; others begin a piece of advice or stand behind a colon. */
const BEGINS = /^(?:sudo|udrv)$/;
const BEGINS_ADVICE = /^(?:btrfs|cat|dmesg|echo|grep|kill|ls|modprobe|npm|swapoff|umount)$/;
/** The words that follow a command in a sentence, and are no part of it. */
const FOLLOWS = /^(?:adds|and|does|gives|is|lists|makes|names|or|shows|tells|to)$/;

/**
 * Puts a line for a person into lines of a terminal, never inside a command: one that is longer than the terminal is
 * left to it, so that it can be copied.
 *
 * @param first stands before the first line; the others are indented as far
 * @param columns undefined where the output is no terminal: the text stays one line
 */
export function wrapAdvice(text: string, first: string, columns: number | undefined): string {
  if (columns === undefined || first.length + text.length <= columns) return `${first}${text}\n`;
  const words: string[] = [];
  let isCommand = false;
  let isBehind = true;
  for (const word of text.split(' ')) {
    const begins = BEGINS.test(word) || (isBehind && BEGINS_ADVICE.test(word));
    if (isCommand && !FOLLOWS.test(word)) words[words.length - 1] += ` ${word}`;
    else {
      words.push(word);
      isCommand = begins;
    }
    isBehind = /[:;]$/.test(word);
    if (/;$/.test(word)) isCommand = false;
  }
  return wrapWords(words, columns - first.length)
    .map((line, i) => `${i === 0 ? first : ' '.repeat(first.length)}${line}\n`)
    .join('');
}
