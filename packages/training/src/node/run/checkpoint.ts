import {
  openCheckpoint,
  type TorchMetadataValue,
  type WritableTensor,
  writeSafetensors,
  writeTorchCheckpoint,
} from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { writeFileAtomically } from '@inverseform/shared/node'
import type { StepTensor } from '../../tape.js'
import type { Trainer, TrainingState } from '../../trainer.js'

const FORMAT = 'inverseform.training'

/**
 * Writes all that a run continues from: a safetensors file with the weights under their own names, so that it opens as a model
 * too, the optimizer's vectors (`optimizer.momentum.…`) and the average of the weights (`average.…`). The file is replaced as a
 * whole or stays as it was.
 *
 * @throws InverseFormError `write-failed`
 */
export async function saveTraining({ state, settings }: Trainer, path: string): Promise<void> {
  const { model, numClasses } = settings
  const metadata = { format: FORMAT, model, numClasses: `${numClasses}`, step: `${state.step}` }
  const tensors = [...tensorsOf(state)].map(([name, tensor]) => writable(name, tensor))
  await writeFileAtomically(path, (sink) => writeSafetensors(tensors, sink, metadata))
}

/**
 * Continues from a file that {@link saveTraining} wrote: the next steps are those that the saved trainer would have done, bit by
 * bit. The trainer must have the options of that one.
 *
 * @throws InverseFormError `not-found` or `unreadable`; `invalid-checkpoint` for another file; `checkpoint-mismatch` for a training with
 *   another model, number of classes, optimizer, average or frozen parts. The trainer is then as before.
 */
export async function resumeTraining({ state }: Trainer, path: string): Promise<void> {
  await using source = await fileSource(path)
  const { tensors, metadata } = await openCheckpoint(source)
  const step = Number(metadata.step)
  if (metadata.format !== FORMAT || !Number.isSafeInteger(step) || step < 0) {
    throw new InverseFormError('invalid-checkpoint', `${path} is not a checkpoint of a training.`, {
      hint: 'Resume from the last.safetensors of a run. To start from the weights of any file, pass it as `checkpoint`.',
    })
  }
  const wanted = tensorsOf(state)
  const isSame = ([name, { shape }]: [string, StepTensor]) =>
    tensors.get(name)?.dtype === 'float32' && `${tensors.get(name)?.shape}` === `${shape}`
  const wrong = [
    ...[...wanted].filter((tensor) => !isSame(tensor)).map(([name]) => name),
    ...[...tensors.keys()].filter((name) => !wanted.has(name)),
  ]
  if (wrong.length > 0) {
    throw new InverseFormError(
      'checkpoint-mismatch',
      `${path} is of a training with other options (${metadata.model}, ${metadata.numClasses} classes): it differs in ${listFew(wrong)}.`,
      {
        hint: 'Resume with the model, the classes, the optimizer, the average and the frozen parts of the run.',
        details: { tensors: wrong },
      },
    )
  }
  const values = new Map<StepTensor, Float32Array>()
  for (const [name, tensor] of wanted) {
    values.set(tensor, (await tensors.get(name)?.read())?.data as Float32Array)
  }
  for (const [tensor, data] of values) tensor.data.set(data)
  state.step = step
}

/**
 * Writes the weights as a `.pth` file that PyTorch loads, under the names of the published networks: the averages where there are
 * some, and `num_batches_tracked` of each normalization. The file is replaced as a whole or stays as it was.
 *
 * @param metadata written beside the weights, after `model`, `num_classes` and `step`
 * @throws InverseFormError `write-failed`
 */
export async function saveTorch(
  { state, settings }: Trainer,
  path: string,
  metadata: Readonly<Record<string, TorchMetadataValue>> = {},
): Promise<void> {
  const { model, numClasses, accumulate } = settings
  const tensors: WritableTensor[] = []
  for (const [name, tensor] of state.evaluated) {
    tensors.push(writable(name, tensor))
    if (!name.endsWith('.running_var')) continue
    const counted = {
      dtype: 'int64',
      shape: [],
      data: BigInt64Array.of(BigInt(state.step * accumulate)),
    } as const
    tensors.push({
      name: name.replace(/running_var$/, 'num_batches_tracked'),
      ...counted,
      read: async () => counted,
    })
  }
  const all = { model, num_classes: numClasses, step: state.step, ...metadata }
  await writeFileAtomically(path, (sink) => writeTorchCheckpoint(tensors, sink, all))
}

function tensorsOf({ tensors, slots, average }: TrainingState): Map<string, StepTensor> {
  const named = (prefix: string, of: ReadonlyMap<string, StepTensor>) =>
    [...of].map(([name, tensor]): [string, StepTensor] => [`${prefix}.${name}`, tensor])
  return new Map([
    ...tensors,
    ...Object.entries(slots).flatMap(([slot, vector]) => named(`optimizer.${slot}`, vector)),
    ...named('average', average ?? new Map()),
  ])
}

function writable(name: string, { data, shape }: StepTensor): WritableTensor {
  const tensor = { dtype: 'float32', shape, data } as const
  return { name, ...tensor, read: async () => tensor }
}
