import type { Readout } from '../maps/labels.js'
import type { Tile } from '../tiles/plan-tiles.js'
import type { Tensor } from './backend.js'

/** A part of a batch of images as the network sees it: scaled, and mirrored or not. */
export interface View {
  /** Size of the scaled images, in pixels. */
  readonly width: number
  readonly height: number
  /** Whether left and right are swapped. */
  readonly mirrored: boolean
  readonly tile: Tile
}

/** Images of one size, loaded into the engine's memory. */
export interface ImageBatch<M> {
  readonly count: number
  readonly width: number
  readonly height: number
  /** Returns the network's input, normalized: [count, 3, tile.height, tile.width]. */
  view(view: View): M
  dispose(): void
}

/** Blends the maps of tiles into one map. Elements near an inner edge of a tile weigh less. */
export interface Blender<M> {
  /** Adds a tile's map, whose first element lies at (`x`, `y`) of the whole map. */
  add(map: M, x: number, y: number): void
  /** Returns the whole map; the blender cannot be used afterwards. */
  finish(): M
}

/** An output of the network for a view of the whole image. */
export interface ViewMap<M> {
  readonly map: M
  readonly mirrored: boolean
}

/** What to read from the class maps of one image. */
export interface ClassRequest {
  /** Index of the image in the batch. */
  readonly image: number
  /** Size of the image, in pixels. */
  readonly width: number
  readonly height: number
  readonly labels: boolean
  readonly confidence: boolean
}

/**
 * Computes the steps around a network where its tensors are: in plain arrays, or in a GPU's memory.
 * `M` is a tensor there, `I` an image that it accepts.
 */
export interface Engine<M, I> {
  /**
   * @param name the argument, for messages
   * @throws `invalid-argument` or `size-mismatch` for an image that it does not accept
   */
  checkImage(image: I, name?: string): void
  load(images: readonly I[]): Promise<ImageBatch<M>>
  /** @param shape [N,C,height,width] of the whole map */
  blender(shape: readonly number[]): Blender<M>
  /**
   * Reads classes from the mean of class maps, enlarged bilinearly, without downloading the maps.
   * Without this method, maps are downloaded and read on the CPU.
   */
  readClasses?(maps: readonly ViewMap<M>[], request: ClassRequest): Promise<Readout>
  download(map: M): Promise<Tensor>
  /** Frees a map that the garbage collector does not, or whose memory the engine uses again. */
  release(map: M): void
}
