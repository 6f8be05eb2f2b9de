import type { ByteSource } from '../io/source.js'
import { CheckpointFile } from './file.js'
import { type CheckpointLimits, defaultLimits } from './limits.js'
import { openSafetensors } from './safetensors.js'
import { SNIFF_SIZE, sniff } from './sniff.js'
import { openPthLegacy } from './torch/legacy.js'
import { openPthZip } from './torch/zip.js'
import type { Checkpoint, CheckpointFormat } from './types.js'

export interface OpenCheckpointOptions {
  /** Limits to change. The others keep their defaults. */
  readonly limits?: Partial<CheckpointLimits>
}

const formats: Readonly<Record<CheckpointFormat, (file: CheckpointFile) => Promise<Checkpoint>>> = {
  'pth-zip': openPthZip,
  'pth-legacy': openPthLegacy,
  safetensors: openSafetensors,
}

/**
 * Opens a PyTorch checkpoint (both formats of `torch.save`) or a safetensors file. Executes nothing in it. Each tensor
 * is read by its `read()`: keep the source open until then.
 *
 * @throws InverseFormError `invalid-checkpoint` for a damaged file or another format, `unsafe-checkpoint` for one that
 * would run Python code, `limit-exceeded` for one beyond a limit
 *
 * @example
 * const source = await fileSource('model.pth')
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
