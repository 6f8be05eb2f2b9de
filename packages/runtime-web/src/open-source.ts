import { type ByteSource, blobSource, bytesSource } from '@inverseform/backbones'
import { loadWeights, type Weights } from './load-weights.js'
import type { LoadProgress, SegmenterSettings } from './options.js'
import { requireSha256 } from './sha256.js'

/** What a source turned out to be, by its first bytes. Anything but an ONNX model is taken for a checkpoint. */
export type OpenedSource = { readonly weights: Weights } & (
  | { readonly kind: 'checkpoint'; readonly source: ByteSource }
  | { readonly kind: 'onnx'; readonly bytes: Uint8Array; readonly name?: string }
)

/** @throws `not-found`, `unreadable`; `invalid-checkpoint` for bytes with another hash than `sha256` */
export async function openSource(
  settings: SegmenterSettings,
  onProgress: (progress: LoadProgress) => void,
): Promise<OpenedSource> {
  const { source, weights } = await locate(settings, onProgress)
  if (!isOnnx(await source.read(0, Math.min(3, source.size)))) return { kind: 'checkpoint', source, weights }
  return { kind: 'onnx', bytes: await source.read(0, source.size), name: source.name, weights }
}

async function locate(
  settings: SegmenterSettings,
  onProgress: (progress: LoadProgress) => void,
): Promise<{ source: ByteSource; weights: Weights }> {
  const { source: given, sha256 } = settings
  if ('url' in given) {
    const { bytes, weights } = await loadWeights({ ...settings, url: given.url }, onProgress)
    return { source: bytesSource(bytes, given.url), weights }
  }
  const source = given instanceof Blob ? blobSource(given) : bytesSource(given, 'the checkpoint')
  const weights = { bytes: source.size, from: 'memory' } as const
  if (!sha256) return { source, weights }
  const bytes = (await source.read(0, source.size)) as Uint8Array<ArrayBuffer>
  const name = source.name ?? 'the checkpoint'
  return {
    source: bytesSource(bytes, name),
    weights: { ...weights, sha256: await requireSha256(bytes, sha256, name) },
  }
}

/** A ModelProto as its writers begin it: the IR version, field 1, then one of the other fields. */
function isOnnx([tag, version, next]: Uint8Array): boolean {
  return tag === 0x08 && version < 0x20 && [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(next)
}
