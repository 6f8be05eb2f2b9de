import { type ByteSource, blobSource, bytesSource } from '@inverseform/backbones'
import { loadWeights, type Weights } from './load-weights.js'
import type { LoadProgress, SegmenterSettings } from './options.js'
import { urlName } from './page-url.js'
import { requireSha256 } from './sha256.js'

/**
 * Where the model's bytes are.
 * @throws `not-found`, `unreadable`; `invalid-checkpoint` for bytes with another hash than `sha256`
 */
export async function openSource(
  settings: SegmenterSettings,
  onProgress: (progress: LoadProgress) => void,
): Promise<{ source: ByteSource; weights: Weights }> {
  const { source: given, sha256 } = settings
  if ('url' in given) {
    const { bytes, weights } = await loadWeights({ ...settings, url: given.url }, onProgress)
    return { source: bytesSource(bytes, urlName(given.url)), weights }
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
