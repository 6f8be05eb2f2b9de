import { checkArgument, checkInteger, checkOneOf } from '@inverseform/errors'
import { type ByteSource, checkSource } from '../io/source.js'
import { notACheckpoint } from '../onnx/describe.js'
import { CheckpointFile } from './file.js'
import { type CheckpointLimits, defaultLimits } from './limits.js'
import { openSafetensors } from './safetensors.js'
import { isOnnx, SNIFF_SIZE, sniff } from './sniff.js'
import { openPthLegacy } from './torch/legacy.js'
import { openPthZip } from './torch/zip.js'
import type { Checkpoint, CheckpointContents, CheckpointFormat, VerifySummary } from './types.js'
import type { Verifiable } from './zip/verify.js'

export interface OpenCheckpointOptions {
  /**
   * Where the state dict is in a PyTorch file: keys joined by dots, such as `params_ema` or `checkpoint.state_dict`. Or
   * the common prefix of the tensors to open, without its dot. Needed only when a file has several state dicts.
   */
  readonly key?: string
  /** Aborts the opening. */
  readonly signal?: AbortSignal
  /** Limits to change. The others keep their defaults. */
  readonly limits?: Partial<CheckpointLimits>
}

type Opened = CheckpointContents & Partial<Verifiable>

const formats: Readonly<Record<CheckpointFormat, (file: CheckpointFile, key?: string) => Promise<Opened>>> = {
  'pth-zip': openPthZip,
  'pth-legacy': openPthLegacy,
  safetensors: openSafetensors,
}

/**
 * Opens a PyTorch checkpoint (both formats of `torch.save`) or a safetensors file. Executes nothing in it: objects of
 * Python classes are records in `metadata`. Each tensor is read by its `read()`: keep the source open until then.
 *
 * The tensors are those of the state dict, wherever it is in the file, or of a pickled module, under the names that its
 * `state_dict()` gives.
 *
 * @throws InverseFormError `invalid-checkpoint` for a damaged file, another format, or several state dicts without a
 * `key`; `unsafe-checkpoint` for one that is made to run code; `limit-exceeded` for one beyond a limit. An abort throws
 * the signal's reason
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
  checkSource(source)
  checkOptions(options)
  const { key, signal, limits } = options
  const file = new CheckpointFile(source, { ...defaultLimits, ...limits }, signal)
  const start = await file.read(0, Math.min(SNIFF_SIZE, file.size), 'the start of the file')
  if (isOnnx(start)) throw await notACheckpoint(file)
  const sniffed = sniff(start, file.size)
  if ('found' in sniffed) throw file.invalid(`this is ${sniffed.found}`, sniffed.hint)
  const { verify, ...contents } = await formats[sniffed.format](file, key)
  // The signal aborts the opening, not what is read later.
  file.signal = undefined
  return {
    ...contents,
    verify: ({ signal } = {}) => verify?.(signal) ?? readAll(contents, signal),
  }
}

function checkOptions({ key, signal, limits = {} }: OpenCheckpointOptions): void {
  if (key !== undefined) checkArgument('key', key, typeof key === 'string' && key !== '', 'a key of the file')
  if (signal !== undefined) checkArgument('signal', signal, 'aborted' in Object(signal), 'an AbortSignal')
  checkArgument('limits', limits, typeof limits === 'object' && limits !== null, 'an object of limits')
  for (const [name, limit] of Object.entries(limits)) {
    checkOneOf('limits', name, Object.keys(defaultLimits))
    if (limit !== Infinity) checkInteger(`limits.${name}`, limit, { min: 0 })
  }
}

/** Reads all tensors of a format without checksums. */
async function readAll({ tensors }: CheckpointContents, signal?: AbortSignal): Promise<VerifySummary> {
  let bytes = 0
  let parts = 0
  for (const tensor of tensors.values()) {
    signal?.throwIfAborted()
    if (tensor.unreadable !== undefined) continue
    bytes += (await tensor.read()).data.byteLength
    parts++
  }
  return { parts, bytes, checksums: 0 }
}
