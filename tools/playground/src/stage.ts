import type { PaintStyle, Picture } from '@inverseform/runtime-web'
import { find } from './dom.js'
import type { Photo } from './photo.js'
import { showProblem } from './problem.js'

/** What one side of the wipe shows over the photo; nothing: the photo itself. */
export interface Layer {
  readonly picture: Picture
  readonly style: PaintStyle
}

export interface Scene {
  readonly photo: Photo
  /** Left and right. */
  readonly sides: readonly [Layer | undefined, Layer | undefined]
}

/** The photo with two sides over it, of which the wipe shows one on its left and one on its right. */
export class Stage {
  /** How long painting both sides took, in milliseconds. */
  painted = 0
  private readonly box = find('#stage', HTMLElement)
  private readonly photo = find('#photo', HTMLCanvasElement)
  private readonly sides = [find('#side-a', HTMLCanvasElement), find('#side-b', HTMLCanvasElement)]
  private readonly problem = find('#image-problem', HTMLElement)
  private wanted: Scene | undefined
  private painting: Promise<void> | undefined
  private drawn: Photo | undefined

  /** Paints the scene, or the one that came after it while another was being painted. */
  show(scene: Scene): Promise<void> {
    this.wanted = scene
    this.painting ??= this.paintAll().finally(() => {
      this.painting = undefined
    })
    return this.painting
  }

  private async paintAll(): Promise<void> {
    while (this.wanted) {
      const scene = this.wanted
      this.wanted = undefined
      try {
        await this.paint(scene)
      } catch (error) {
        showProblem(this.problem, error)
      }
    }
  }

  private async paint({ photo, sides }: Scene): Promise<void> {
    const started = performance.now()
    for (const [i, layer] of sides.entries()) {
      if (layer) await layer.picture.paint(this.sides[i], layer.style)
      this.sides[i].hidden = !layer
    }
    this.painted = performance.now() - started
    if (photo !== this.drawn) this.draw(photo)
  }

  private draw(photo: Photo): void {
    const { width, height } = photo.bitmap
    Object.assign(this.photo, { width, height })
    this.photo.getContext('2d')!.drawImage(photo.bitmap, 0, 0)
    this.box.style.setProperty('--ratio', String(width / height))
    this.drawn = photo
  }

  /** The scene as it is seen, the wipe included, at the photo's size. */
  snapshot(wipe: number): HTMLCanvasElement {
    const { width, height } = this.photo
    const canvas = Object.assign(document.createElement('canvas'), { width, height })
    const context = canvas.getContext('2d')!
    context.drawImage(this.photo, 0, 0)
    const divider = Math.round(wipe * width)
    for (const [side, x, w] of [
      [this.sides[0], 0, divider],
      [this.sides[1], divider, width - divider],
    ] as const)
      if (!side.hidden && w > 0) context.drawImage(side, x, 0, w, height, x, 0, w, height)
    return canvas
  }
}
