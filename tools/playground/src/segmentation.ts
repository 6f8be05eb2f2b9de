import {
  createSegmenter,
  isInverseFormError,
  type Picture,
  type SegmenterOptions,
  type WebSegmenter,
} from '@inverseform/runtime-web'

/** A checkpoint with its name: a URL or a file. */
export interface NetworkSource {
  readonly name: string
  /** What it is called in comparisons; by default, its number. */
  readonly title?: string
  readonly checkpoint: string | Blob
}

export type NetworkOptions = Pick<SegmenterOptions, 'device' | 'precision' | 'signal' | 'onProgress'>

/** A network that is ready to segment. */
export interface Network {
  readonly source: NetworkSource
  readonly segmenter: WebSegmenter
  segment(image: ImageBitmap, signal: AbortSignal): Promise<Picture>
  dispose(): Promise<void>
}

/** Returns what a network is called in comparisons. */
export const titleOf = ({ source }: Network, slot: number): string => source.title ?? `Checkpoint ${slot + 1}`

/** Loads a checkpoint, with its edge head if it has one. */
export async function loadNetwork(source: NetworkSource, options: NetworkOptions): Promise<Network> {
  const { checkpoint } = source
  const segmenter = await createSegmenter({ ...options, checkpoint, edgeHead: true }).catch((error) => {
    if (!isInverseFormError(error) || error.code !== 'checkpoint-mismatch') throw error
    return createSegmenter({ ...options, checkpoint })
  })
  return {
    source,
    segmenter,
    segment: (image, signal) => segmenter.createPicture(image, { signal }),
    dispose: () => segmenter.dispose(),
  }
}
