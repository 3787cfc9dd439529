const plain = (text: string) => text;

/** A terminal without colours. */
export const PLAIN_STYLE = { heading: plain, good: plain, warning: plain, bad: plain, dim: plain };
export const PLAIN_VIEW = { style: PLAIN_STYLE, width: 80 };
