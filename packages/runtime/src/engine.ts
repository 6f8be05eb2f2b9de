import type { Readout } from './labels.js'
import type { Tensor } from './tensor.js'
import type { Tile } from './tiles.js'

/** A batch of images as a network is to see it: scaled, mirrored or not, and of that a part. */
export interface View {
  /** Size of the scaled images, in pixels. */
  readonly width: number
  readonly height: number
  /** Left and right swapped. */
  readonly mirrored: boolean
  readonly tile: Tile
}

/** Images of one size, taken in. */
export interface ImageBatch<M> {
  readonly count: number
  readonly width: number
  readonly height: number
  /** The network's input, normalised: [count, 3, tile.height, tile.width]. */
  view(view: View): M
  dispose(): void
}

/** Blends the maps of tiles into the whole's: each counts less the nearer it is to an edge inside the image. */
export interface Blender<M> {
  /** Adds a tile's map, whose first element lies at (`x`, `y`) of the whole. */
  add(map: M, x: number, y: number): void
  /** The whole map; the blender is used up. */
  finish(): M
}

/** A network's output for a view of the whole image. */
export interface ViewMap<M> {
  readonly map: M
  readonly mirrored: boolean
}

/** What to read of one image's classes. */
export interface ClassRequest {
  /** Which of the batch. */
  readonly image: number
  /** The image's size, in pixels. */
  readonly width: number
  readonly height: number
  readonly labels: boolean
  readonly confidence: boolean
}

/**
 * Computes what surrounds a network, where its tensors are: in plain arrays, or in a GPU's memory.
 * `M` is a tensor there, `I` an image that can be taken in.
 */
export interface Engine<M, I> {
  /** @throws `size-mismatch` for an image that cannot be taken in */
  requireImage(image: I): void
  load(images: readonly I[]): Promise<ImageBatch<M>>
  /** @param shape [N,C,height,width] of the whole map */
  blender(shape: readonly number[]): Blender<M>
  /**
   * Reads classes off the mean of class maps, enlarged bilinearly, without bringing the maps themselves to main memory.
   * An engine without it has them downloaded.
   */
  readClasses?(maps: readonly ViewMap<M>[], request: ClassRequest): Promise<Readout>
  download(map: M): Promise<Tensor>
  /** Frees a map's memory, where nothing else would. */
  release(map: M): void
}
