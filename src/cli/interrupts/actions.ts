import { type Action, checkAction, locationsOf } from '../../model/action';
import type { Location } from '../../model/location';
import { checkNamedWrite } from '../../regmap/hazards';
import type { RegisterNames } from '../../regmap/names';
import type { Context } from '../program/context';
import { parseAction } from '../program/parse';
import { registerNames } from '../registers/maps';
import { resolve } from '../registers/place';
import { expectRegion, type Target } from '../registers/target';

/**
 * Parses actions, and checks that the device can have registers for each; nothing is opened.
 *
 * @param maps names of registers, as `--map` gives them
 */
export function actionsFor(
  context: Context,
  target: Target,
  texts: readonly string[] | undefined,
  maps: readonly string[] | undefined,
): Action[] {
  let names: RegisterNames | null | undefined;
  return (texts ?? []).map((text) => {
    const action = parseAction(text, (word) => named(word, text.startsWith(`${word}=`)));
    const regions = locationsOf(action).map(({ region }) => expectRegion(target, region));
    checkAction(action, target.address, regions);
    return action;
  });

  function named(word: string, isWritten: boolean): Location | null {
    if (names === undefined) names = registerNames(context, target, maps);
    if (names === null || word === '') return null;
    const found = resolve(word, names);
    if (isWritten) checkNamedWrite(found, false);
    return found.location;
  }
}
