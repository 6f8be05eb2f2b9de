import { InverseFormError } from '@inverseform/errors'
import { disposedError, type Labels, type SegmentOptions, type SegmentTimings } from '@inverseform/runtime'
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
    if (disposed) throw disposedError('picture')
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

type Canvas = HTMLCanvasElement | OffscreenCanvas
type Context = ImageBitmapRenderingContext | CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D

function show(canvas: Canvas, bitmap: ImageBitmap): void {
  try {
    const { width, height } = bitmap
    const context = contextOf(canvas)
    // Setting a size clears the canvas, which would be seen.
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height })
    if ('transferFromImageBitmap' in context) context.transferFromImageBitmap(bitmap)
    else drawOver(context, bitmap)
  } finally {
    bitmap.close()
  }
}

function contextOf(canvas: Canvas): Context {
  let cause: unknown
  try {
    const context = canvas.getContext('bitmaprenderer') ?? canvas.getContext('2d')
    if (context) return context as Context
  } catch (error) {
    cause = error
  }
  throw new InverseFormError(
    'invalid-argument',
    cause
      ? `The canvas cannot be painted on: ${(cause as Error).message}`
      : 'The canvas has a context that no picture can be painted by.',
    {
      hint: 'Give a canvas with a 2D context, or one without any whose control was not transferred.',
      cause,
    },
  )
}

/** Whatever the page has set its context to. */
function drawOver(context: Exclude<Context, ImageBitmapRenderingContext>, bitmap: ImageBitmap): void {
  context.save()
  context.resetTransform()
  Object.assign(context, { globalAlpha: 1, globalCompositeOperation: 'copy', filter: 'none' })
  context.drawImage(bitmap, 0, 0)
  context.restore()
}
