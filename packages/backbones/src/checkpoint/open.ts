import type { ByteSource } from '../io/source.js'
import { CheckpointFile } from './file.js'
import { type CheckpointLimits, defaultLimits } from './limits.js'
import { openPthLegacy } from './pth-legacy.js'
import { openPthZip } from './pth-zip.js'
import { openSafetensors } from './safetensors.js'
import { SNIFF_SIZE, sniff } from './sniff.js'
import type { Checkpoint, CheckpointFormat } from './types.js'

export interface OpenCheckpointOptions {
  /** Limits to change; the others keep their defaults. */
  readonly limits?: Partial<CheckpointLimits>
}

const formats: Readonly<Record<CheckpointFormat, (file: CheckpointFile) => Promise<Checkpoint>>> = {
  'pth-zip': openPthZip,
  'pth-legacy': openPthLegacy,
  safetensors: openSafetensors,
}

/**
 * Opens a checkpoint of PyTorch (`torch.save`, both its formats) or safetensors. Nothing in it is executed,
 * and tensors are read only when asked for: keep the source open until then.
 *
 * @throws InverseFormError `invalid-checkpoint` for a file that is damaged or of another format,
 * `unsafe-checkpoint` for one that asks for Python code, `limit-exceeded` beyond one of `limits`.
 *
 * @example
 * await using source = await fileSource('model.pth')
 * const { tensors, metadata } = await openCheckpoint(source)
 * const { shape, data } = await tensors.get('conv1.weight')!.read()
 */
export async function openCheckpoint(
  source: ByteSource,
  options: OpenCheckpointOptions = {},
): Promise<Checkpoint> {
  const file = new CheckpointFile(source, { ...defaultLimits, ...options.limits })
  const start = await file.read(0, Math.min(SNIFF_SIZE, file.size), 'the start of the file')
  const sniffed = sniff(start, file.size)
  if ('found' in sniffed) throw file.invalid(`this is ${sniffed.found}`, sniffed.hint)
  return formats[sniffed.format](file)
}
