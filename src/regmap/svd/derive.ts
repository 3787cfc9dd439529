import { mapError } from '../limits';
import type { SvdElement } from './elements';

/** An element with all that it has from those it is derived from. */
export interface Derived {
  properties: SvdElement['properties'];
  children: readonly SvdElement[];
}

/** Elements that derive from each other, one after the other. */
const LONGEST_CHAIN = 64;

/**
 * Derives elements: one with `derivedFrom` has the properties and elements of that one, but for those it has itself; an
 * element replaces that of the same name. SVDConv, Arm's own program, does so.
 */
export class Derivation {
  readonly #file: string;
  readonly #derived = new Map<SvdElement, Derived>();
  /** Those that are being derived. */
  readonly #open = new Set<SvdElement>();
  readonly #named = new Map<readonly SvdElement[], Map<string, SvdElement>>();
  readonly #values = new Map<SvdElement, Map<string, SvdElement>>();

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws usage, where it derives from nothing there is, or from itself */
  of(element: SvdElement): Derived {
    if (element.derivedFrom === null) return element;
    let derived = this.#derived.get(element);
    if (derived === undefined) {
      if (this.#open.has(element)) throw mapError(this.#file, `${pathOf(element)} is derived from itself`);
      if (this.#open.size >= LONGEST_CHAIN)
        throw mapError(this.#file, `${pathOf(element)} is derived over more than ${LONGEST_CHAIN} steps`);
      this.#open.add(element);
      derived = merge(element, this.of(this.#base(element, element.derivedFrom)));
      this.#open.delete(element);
      this.#derived.set(element, derived);
    }
    return derived;
  }

  /** Finds the element of a path, in the innermost element around where there is one: `UART0.CTRL.MODE`. */
  #base(element: SvdElement, path: string): SvdElement {
    const parts = path.trim().split('.', LONGEST_CHAIN);
    for (let scope = element.parent; scope !== null; scope = scope.parent) {
      const found = this.#descend(scope, parts, element) ?? this.#enumeration(scope, parts, element);
      if (found !== null) return found;
    }
    throw mapError(this.#file, `${pathOf(element)} is derived from ${path.slice(0, 80)}, which is not there`);
  }

  #descend(scope: SvdElement, parts: readonly string[], element: SvdElement): SvdElement | null {
    let at = scope;
    for (const [i, part] of parts.entries()) {
      const isLast = i === parts.length - 1;
      // A field has no more than two lists of values, so that its own name stands for them.
      if (isLast && element.kind === 'enumeratedValues' && at.kind === 'register') {
        const values = this.#child(at, part)?.children[0];
        return values === undefined || values === element ? null : values;
      }
      const next = this.#child(at, part);
      if (next === undefined) return null;
      at = next;
    }
    return at !== element && at.kind === element.kind ? at : null;
  }

  #child(scope: SvdElement, name: string): SvdElement | undefined {
    const { children } = this.#open.has(scope) ? scope : this.of(scope);
    let named = this.#named.get(children);
    if (named === undefined) {
      named = new Map();
      for (const child of children) {
        const own = nameOf(child);
        if (!named.has(own)) named.set(own, child);
        const plain = own.replace(/\[%s\]|%s/g, '');
        if (!named.has(plain)) named.set(plain, child);
      }
      this.#named.set(children, named);
    }
    return named.get(name) ?? named.get(name.replace(/\[?\d+\]?$/, ''));
  }

  /** Finds values by the name they have in their peripheral, without the register and field around them. */
  #enumeration(scope: SvdElement, parts: readonly string[], element: SvdElement): SvdElement | null {
    if (element.kind !== 'enumeratedValues' || parts.length > 1) return null;
    if (scope.kind !== 'peripheral' && scope.kind !== 'device') return null;
    let named = this.#values.get(scope);
    if (named === undefined) {
      named = new Map();
      const todo = [...scope.children].reverse();
      for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
        const name = one.properties.name;
        if (one.kind !== 'enumeratedValues') todo.push(...one.children);
        else if (name !== undefined && !named.has(name)) named.set(name, one);
      }
      this.#values.set(scope, named);
    }
    const found = named.get(parts[0] ?? '');
    return found === undefined || found === element ? null : found;
  }
}

function merge(own: SvdElement, base: Derived): Derived {
  const properties = { ...base.properties, ...own.properties };
  // An array is one element's own, unless the name asks for it.
  if (own.properties.dim === undefined && !own.properties.name?.includes('%s')) delete properties.dim;
  if (own.children.length === 0) return { properties, children: base.children };
  // The place of a field's lists of values is their use: neither has to have a name.
  const key = (child: SvdElement) =>
    child.kind === 'enumeratedValues' ? (child.properties.usage ?? '') : nameOf(child);
  const replaced = new Set(own.children.map(key));
  return { properties, children: [...base.children.filter((child) => !replaced.has(key(child))), ...own.children] };
}

const nameOf = (element: SvdElement): string => element.properties.name ?? '';

function pathOf(element: SvdElement): string {
  const names: string[] = [];
  for (let at: SvdElement | null = element; at !== null && at.kind !== 'device'; at = at.parent)
    names.unshift((at.properties.name ?? at.kind).slice(0, 80));
  return names.join('.');
}
