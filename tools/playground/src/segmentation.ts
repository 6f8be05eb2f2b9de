import {
  createSegmenter,
  isInverseFormError,
  type Picture,
  type SegmenterOptions,
  type WebSegmenter,
} from '@inverseform/runtime-web'

/** Where a checkpoint is: a URL or a file. */
export interface Origin {
  readonly name: string
  readonly source: string | Blob
}

export type NetworkOptions = Pick<SegmenterOptions, 'device' | 'precision' | 'signal' | 'onProgress'>

/** A checkpoint, ready to segment. */
export interface Network {
  readonly origin: Origin
  readonly segmenter: WebSegmenter
  segment(image: ImageBitmap, signal: AbortSignal): Promise<Picture>
  dispose(): Promise<void>
}

/** Loads a checkpoint, with its edge head if it has one. */
export async function loadNetwork(origin: Origin, options: NetworkOptions): Promise<Network> {
  const { source } = origin
  const segmenter = await createSegmenter({ ...options, source, edge: true }).catch((error) => {
    if (!isInverseFormError(error) || error.code !== 'checkpoint-mismatch') throw error
    return createSegmenter({ ...options, source })
  })
  return {
    origin,
    segmenter,
    segment: (image, signal) => segmenter.createPicture(image, { signal }),
    dispose: () => segmenter.dispose(),
  }
}
