import type { ByteSink } from '../io/sink.js'

/** Bytes that are loaded when they are written, so that weights do not wait in memory. */
export interface LazyBytes {
  readonly byteLength: number
  readonly load: () => Promise<Uint8Array>
}

export type Chunk = Uint8Array | LazyBytes

const utf8 = new TextEncoder()

/**
 * Builds a Protocol Buffers message. Its length is known before its weights are read.
 * https://protobuf.dev/programming-guides/encoding/
 */
export class Message {
  readonly chunks: Chunk[] = []
  byteLength = 0

  /** Adds an integer (int32, int64, enum); `value` must be a safe integer of at least 0. */
  int(field: number, value: number): this {
    return this.#push(varint(field * 8)).#push(varint(value))
  }

  float(field: number, value: number): this {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setFloat32(0, value, true)
    return this.#push(varint(field * 8 + 5)).#push(bytes)
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value))
  }

  bytes(field: number, value: Chunk): this {
    return this.#push(varint(field * 8 + 2))
      .#push(varint(value.byteLength))
      .#push(value)
  }

  message(field: number, value: Message): this {
    this.#push(varint(field * 8 + 2)).#push(varint(value.byteLength))
    for (const chunk of value.chunks) this.#push(chunk)
    return this
  }

  #push(chunk: Chunk): this {
    this.chunks.push(chunk)
    this.byteLength += chunk.byteLength
    return this
  }
}

function varint(value: number): Uint8Array {
  const bytes: number[] = []
  // Division instead of shifts, because sizes may exceed 2^31.
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80)
  bytes.push(value)
  return Uint8Array.from(bytes)
}

/** Writes chunks in order and loads each just before it is written. */
export async function writeChunks(chunks: readonly Chunk[], sink: ByteSink): Promise<void> {
  for (const chunk of chunks) await sink.write(chunk instanceof Uint8Array ? chunk : await chunk.load())
}
