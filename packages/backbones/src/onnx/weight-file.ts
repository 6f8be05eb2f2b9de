import type { ByteSink } from '../io/index.js'
import { type Chunk, type LazyBytes, writeChunks } from './message.js'

/** Weights below this many bytes stay in the model: a file entry costs about as much. */
const SMALLEST = 1024
/** Weights start at multiples of this, so that a runtime can use them where they lie in a mapped file. */
const ALIGNMENT = 64

/** Where a weight lies in a weight file. */
export interface WeightPlace {
  /** The file's name, relative to the model. */
  readonly location: string
  readonly offset: number
  readonly length: number
}

/** The weights of a model that are kept beside it (ONNX external data). */
export class WeightFile {
  private readonly chunks: Chunk[] = []
  byteLength = 0

  constructor(readonly location: string) {}

  /** Plans a weight into the file; undefined when it has fewer bytes than are worth it. */
  add(weight: LazyBytes, smallest = SMALLEST): WeightPlace | undefined {
    if (weight.byteLength < smallest) return undefined
    const padding = -this.byteLength & (ALIGNMENT - 1)
    if (padding > 0) this.push(new Uint8Array(padding))
    const offset = this.byteLength
    this.push(weight)
    return { location: this.location, offset, length: weight.byteLength }
  }

  write(sink: ByteSink): Promise<void> {
    return writeChunks(this.chunks, sink)
  }

  private push(chunk: Chunk): void {
    this.chunks.push(chunk)
    this.byteLength += chunk.byteLength
  }
}
