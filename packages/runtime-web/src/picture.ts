import { InverseFormError } from '@inverseform/errors'
import type { Labels, SegmentOptions, SegmentTimings } from '@inverseform/runtime'
import { type PaintStyle, paintSettings } from './picture-style.js'
import type { PictureFacts } from './protocol.js'
import type { WorkerClient } from './worker-client.js'

export interface PictureOptions
  extends Pick<SegmentOptions, 'scales' | 'flip' | 'tile' | 'signal' | 'onProgress'> {
  /** Whether boundaries can be drawn; they can where the edge head is loaded, unless `false`. */
  readonly edges?: boolean
}

/** A segmented image that can be painted again and again: in other colours, with the image through it, with boundaries. */
export interface Picture extends Disposable {
  /** The image's size, in pixels. */
  readonly width: number
  readonly height: number
  readonly classes: number
  /** How many tiles the image was cut into, at the scale where most were needed; 1: none. */
  readonly tiles: number
  /** Where the time went, in milliseconds. */
  readonly timings: SegmentTimings
  /**
   * Paints the picture and gives the canvas its size. The canvas shows it by its 2D context where it has one, else by a
   * `bitmaprenderer` context.
   * @throws `invalid-argument` for a style or a canvas that does not fit, `disposed`, `inference-failed`
   */
  paint(canvas: HTMLCanvasElement | OffscreenCanvas, style?: PaintStyle): Promise<void>
  /** Class index (train id) of each pixel, row by row. */
  labels(): Promise<Labels>
  /** Frees the picture's memory; the segmenter's `dispose` does it for all of its pictures. */
  dispose(): void
}

/** The page's side of a picture that is kept in the worker. */
export function pictureOf(client: WorkerClient, { id, edges, ...facts }: PictureFacts): Picture {
  let disposed = false

  function requireUsable(): void {
    if (!disposed) return
    throw new InverseFormError('disposed', 'This picture has been disposed of.', {
      hint: 'Create another one, or dispose of it later.',
    })
  }
  function dispose(): void {
    if (disposed) return
    disposed = true
    client.call('disposePicture', { picture: id }).catch(() => {
      // The worker has ended, and all of its pictures with it.
    })
  }
  return {
    ...facts,
    async paint(canvas, style = {}) {
      requireUsable()
      const settings = paintSettings(style, { classes: facts.classes, edges })
      show(canvas, await client.call('paint', { picture: id, style: settings }))
    },
    async labels() {
      requireUsable()
      return client.call('labels', { picture: id })
    },
    dispose,
    [Symbol.dispose]: dispose,
  }
}

function show(canvas: HTMLCanvasElement | OffscreenCanvas, bitmap: ImageBitmap): void {
  const { width, height } = bitmap
  // Setting a size clears the canvas, which would be seen.
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
  const renderer = canvas.getContext('bitmaprenderer') as ImageBitmapRenderingContext | null
  if (renderer) {
    renderer.transferFromImageBitmap(bitmap)
    return
  }
  const context = canvas.getContext('2d') as CanvasRenderingContext2D | null
  context?.drawImage(bitmap, 0, 0)
  bitmap.close()
  if (context) return
  throw new InverseFormError(
    'invalid-argument',
    'The canvas has a context that no picture can be painted by.',
    {
      hint: 'Give a canvas with a 2D context, or one without any.',
    },
  )
}
