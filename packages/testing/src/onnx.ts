import type { ByteSource } from '@inverseform/backbones'
import type { Graph } from '@inverseform/backbones/graph'
import { type EncodeOnnxOptions, encodeOnnx } from '@inverseform/backbones/onnx'

/** Returns a source over chunks without joining them. Reads within one chunk are views. */
export function chunksSource(chunks: readonly Uint8Array[], name?: string): ByteSource {
  const starts: number[] = []
  let size = 0
  for (const chunk of chunks) {
    starts.push(size)
    size += chunk.length
  }
  return {
    size,
    name,
    async read(start, end) {
      let i = starts.findLastIndex((from) => from <= start)
      if (i >= 0 && end <= starts[i] + chunks[i].length) {
        return chunks[i].subarray(start - starts[i], end - starts[i])
      }
      const bytes = new Uint8Array(end - start)
      for (; i < chunks.length && starts[i] < end; i++) {
        const from = Math.max(start, starts[i])
        bytes.set(chunks[i].subarray(from - starts[i], end - starts[i]), from - start)
      }
      return bytes
    },
  }
}

/** Encodes a graph as ONNX in chunks, without copying weights. */
export async function onnxChunks(graph: Graph, options?: EncodeOnnxOptions): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  await encodeOnnx(graph, options).write({
    async write(bytes) {
      chunks.push(bytes)
    },
  })
  return chunks
}

/** Encodes a graph as ONNX in one array. */
export async function onnxBytes(graph: Graph, options?: EncodeOnnxOptions): Promise<Uint8Array> {
  return new Uint8Array(Buffer.concat(await onnxChunks(graph, options)))
}
