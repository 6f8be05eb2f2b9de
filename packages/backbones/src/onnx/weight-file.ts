import type { ByteSink } from '../io/sink.js'
import { type Chunk, type LazyBytes, writeChunks } from './message.js'

/** Smaller weights stay in the model: a file entry costs about as many bytes. */
const SMALLEST = 1024
/** Weights start at multiples of this, so that a runtime can use them directly from a mapped file. */
const ALIGNMENT = 64

/** The place of a weight in a weight file. */
export interface WeightPlace {
  /** The file's name, relative to the model. */
  readonly location: string
  readonly offset: number
  readonly length: number
}

/** A separate file for the weights of a model (ONNX external data). */
export class WeightFile {
  readonly #chunks: Chunk[] = []
  byteLength = 0

  readonly location: string

  constructor(location: string) {
    this.location = location
  }

  /** Adds a weight; returns undefined if it has fewer than `smallest` bytes. */
  add(weight: LazyBytes, smallest = SMALLEST): WeightPlace | undefined {
    if (weight.byteLength < smallest) return undefined
    const padding = -this.byteLength & (ALIGNMENT - 1)
    if (padding > 0) this.#push(new Uint8Array(padding))
    const offset = this.byteLength
    this.#push(weight)
    return { location: this.location, offset, length: weight.byteLength }
  }

  write(sink: ByteSink): Promise<void> {
    return writeChunks(this.#chunks, sink)
  }

  #push(chunk: Chunk): void {
    this.#chunks.push(chunk)
    this.byteLength += chunk.byteLength
  }
}
