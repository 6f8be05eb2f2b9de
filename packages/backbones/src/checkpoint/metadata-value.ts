/**
 * The data of a checkpoint besides its tensors, safe to convert to JSON. Integers beyond 2^53 and numbers that JSON lacks
 * (`NaN`, `Infinity`) are strings. Tensors are `{ dtype, shape }`. Objects have no prototype. Objects of Python classes are
 * records that JSON shows as `<argparse.Namespace>`.
 */
export type MetadataValue =
  | string
  | number
  | boolean
  | null
  | readonly MetadataValue[]
  | PythonRecord
  | { readonly [key: string]: MetadataValue }

/** An object or a name of Python that a checkpoint holds besides its tensors. It is data: nothing was called. */
export class PythonRecord {
  /** The class or function as Python names it, such as `argparse.Namespace`. */
  readonly name: string
  readonly #args: () => readonly MetadataValue[]
  readonly #state: () => MetadataValue

  constructor(name: string, args: () => readonly MetadataValue[], state: () => MetadataValue) {
    this.name = name
    this.#args = args
    this.#state = state
  }

  /** What the class would have been called with. */
  get args(): readonly MetadataValue[] {
    return this.#args()
  }

  /** The attributes of the object, or its elements; null if it has none. */
  get state(): MetadataValue {
    return this.#state()
  }

  /** `<argparse.Namespace>` */
  toString(): string {
    return `<${this.name}>`
  }

  toJSON(): string {
    return this.toString()
  }
}
