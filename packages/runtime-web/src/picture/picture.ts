import { InverseFormError } from '@inverseform/errors'
import {
  disposedError,
  type Labels,
  type PaintStyle,
  paintSettings,
  type SegmentationInfo,
} from '@inverseform/runtime'
import type { WorkerClient } from '../worker/client.js'
import type { CreatedPicture } from '../worker/protocol.js'

/** A segmented image that can be painted again in other styles without running the network. */
export interface Picture extends SegmentationInfo, Disposable {
  /**
   * Paints the picture, and sets the size of the canvas to that of the image. Uses the canvas's 2D context if it has one,
   * else a `bitmaprenderer` context.
   * @throws `invalid-argument` for a style or a canvas that cannot be used, `disposed`, `inference-failed`
   */
  paint(canvas: HTMLCanvasElement | OffscreenCanvas, style?: PaintStyle): Promise<void>
  /** Returns the class index (train id) of each pixel, row by row. */
  labels(): Promise<Labels>
  /** Frees the picture's memory. The segmenter's `dispose` frees all of its pictures. */
  dispose(): void
}

const HINT_ON_EDGES = 'Create the segmenter with `edgeHead: true`, and the picture without `edges: false`.'

/** Returns the page's side of a picture in the worker. */
export function pictureInWorker(client: WorkerClient, { id, edges, ...info }: CreatedPicture): Picture {
  let disposed = false

  function checkUsable(): void {
    if (disposed) throw disposedError('picture')
  }
  function dispose(): void {
    if (disposed) return
    disposed = true
    client.call('disposePicture', { picture: id }).catch(() => {
      // The worker has ended, and freed all of its pictures.
    })
  }
  return {
    ...info,
    async paint(canvas, style = {}) {
      checkUsable()
      const settings = paintSettings(style, { numClasses: info.numClasses, edges }, HINT_ON_EDGES)
      show(canvas, await client.call('paint', { picture: id, style: settings }))
    },
    async labels() {
      checkUsable()
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
    // Setting the size clears the canvas, which would flicker.
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
  const reason = cause ? (cause as Error).message : 'its context is neither 2D nor a bitmap renderer.'
  throw new InverseFormError('invalid-argument', `The canvas cannot be painted on: ${reason}`, {
    hint: 'Pass a canvas with a 2D context, or a canvas without a context that was not transferred.',
    cause,
  })
}

/** Replaces the content of a context, whatever transform and filters the page has set. */
function drawOver(context: Exclude<Context, ImageBitmapRenderingContext>, bitmap: ImageBitmap): void {
  context.save()
  context.resetTransform()
  Object.assign(context, { globalAlpha: 1, globalCompositeOperation: 'copy', filter: 'none' })
  context.drawImage(bitmap, 0, 0)
  context.restore()
}
