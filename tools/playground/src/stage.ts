import type { PaintStyle, Picture } from '@inverseform/runtime-web'
import { find } from './dom.js'
import type { Photo } from './photo.js'
import { showProblem } from './problem.js'

/** What one side of the wipe shows over the photo. */
export interface Layer {
  readonly picture: Picture
  readonly style: PaintStyle
}

export interface Scene {
  readonly photo: Photo
  /** Left and right; a side without a layer shows the photo. */
  readonly sides: readonly [Layer | undefined, Layer | undefined]
}

/** Shows the photo with a layer on each side of the wipe. */
export class Stage {
  /** Milliseconds that painting both sides took. */
  painted = 0
  readonly #box = find('#stage', HTMLElement)
  readonly #photo = find('#photo', HTMLCanvasElement)
  readonly #sides = [find('#side-a', HTMLCanvasElement), find('#side-b', HTMLCanvasElement)]
  readonly #problem = find('#image-problem', HTMLElement)
  #wanted: Scene | undefined
  #painting: Promise<void> | undefined
  #drawn: Photo | undefined

  /** Paints a scene. If several arrive during painting, only the last one is painted. */
  show(scene: Scene): Promise<void> {
    this.#wanted = scene
    this.#painting ??= this.#paintAll().finally(() => {
      this.#painting = undefined
    })
    return this.#painting
  }

  async #paintAll(): Promise<void> {
    while (this.#wanted) {
      const scene = this.#wanted
      this.#wanted = undefined
      try {
        await this.#paint(scene)
      } catch (error) {
        showProblem(this.#problem, error)
      }
    }
  }

  async #paint({ photo, sides }: Scene): Promise<void> {
    const started = performance.now()
    for (const [i, layer] of sides.entries()) {
      if (layer) await layer.picture.paint(this.#sides[i], layer.style)
      this.#sides[i].hidden = !layer
    }
    this.painted = performance.now() - started
    if (photo !== this.#drawn) this.#draw(photo)
  }

  #draw(photo: Photo): void {
    const { width, height } = photo.bitmap
    Object.assign(this.#photo, { width, height })
    this.#photo.getContext('2d')!.drawImage(photo.bitmap, 0, 0)
    this.#box.style.setProperty('--ratio', String(width / height))
    this.#drawn = photo
  }

  /** Returns the scene as shown, with the wipe, at the photo's size. */
  snapshot(wipe: number): HTMLCanvasElement {
    const { width, height } = this.#photo
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')!
    context.drawImage(this.#photo, 0, 0)
    const divider = Math.round(wipe * width)
    for (const [side, x, w] of [
      [this.#sides[0], 0, divider],
      [this.#sides[1], divider, width - divider],
    ] as const) {
      if (!side.hidden && w > 0) context.drawImage(side, x, 0, w, height, x, 0, w, height)
    }
    return canvas
  }
}
