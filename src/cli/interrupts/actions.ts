import { type Action, checkAction, locationsOf } from '../../model/action';
import { parseAction } from '../program/parse';
import { expectRegion, type Target } from '../registers/target';

/** Parses actions, and checks that the device can have registers for each; nothing is opened. */
export function actionsFor(texts: readonly string[] | undefined, target: Target): Action[] {
  return (texts ?? []).map((text) => {
    const action = parseAction(text);
    const regions = locationsOf(action).map(({ region }) => expectRegion(target, region));
    checkAction(action, target.address, regions);
    return action;
  });
}
