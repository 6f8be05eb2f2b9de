import { isRecord } from './state/run-plan.js'
import type { Accumulator } from './state/run-state.js'

/** An image whose outputs were written. */
export interface WrittenImage {
  readonly image: string
  /** The path of its outputs below the output folder, without their ends. */
  readonly stem: string
  readonly width: number
  readonly height: number
  /** The end of the name of each kind of output. */
  readonly ends: Readonly<Record<string, string>>
}

/** The images that a run of `predict` has written, by their paths. */
export class WrittenImages implements Accumulator {
  readonly #images = new Map<string, WrittenImage>()

  add(image: WrittenImage): void {
    this.#images.set(image.image, image)
  }

  get(path: string): WrittenImage | undefined {
    return this.#images.get(path)
  }

  merge(other: WrittenImages): void {
    for (const image of other.#images.values()) this.add(image)
  }

  toJSON(): readonly WrittenImage[] {
    return [...this.#images.values()]
  }

  /** @throws an error for anything but what {@link toJSON} returned */
  static fromJSON(json: unknown): WrittenImages {
    const written = new WrittenImages()
    for (const image of json as WrittenImage[]) {
      const texts = [image.image, image.stem, ...Object.values(image.ends)]
      const valid =
        isRecord(image.ends) &&
        texts.every((text) => typeof text === 'string') &&
        [image.width, image.height].every(Number.isSafeInteger)
      if (!valid) throw new Error('It has no images.')
      written.add(image)
    }
    return written
  }
}
