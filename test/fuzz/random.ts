/** Returns a number below the one that is given. */
export type Random = (below: number) => number;

/** A generator of its own, so that a seed names an input for ever: xorshift32. */
export function randomFrom(seed: number): Random {
  let state = (seed + 1) * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

export function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[random(values.length)] as T;
}
