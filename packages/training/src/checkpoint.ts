import {
  type ByteSink,
  type Checkpoint,
  type TorchMetadataValue,
  type WritableTensor,
  writeSafetensors,
  writeTorchCheckpoint,
} from '@inverseform/backbones'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { DIVERGED_HINT } from './diverged.js'
import { normOf } from './optimizers.js'
import type { StepTensor } from './tape.js'
import type { Trainer, TrainingState } from './trainer.js'

const FORMAT = 'inverseform.training'

/**
 * Writes all that a run continues from: a safetensors file with the weights under their own names, so that it opens as a model
 * too, the optimizer's vectors (`optimizer.momentum.…`) and the average of the weights (`average.…`).
 *
 * @throws InverseFormError `training-diverged` when a value is not finite: nothing can continue from it. Nothing is written then.
 */
export async function writeTraining({ state, settings }: Trainer, sink: ByteSink): Promise<void> {
  const { model, numClasses } = settings
  const metadata = { format: FORMAT, model, numClasses: `${numClasses}`, step: `${state.step}` }
  const all = tensorsOf(state)
  for (const [name, { data }] of all) {
    if (Number.isFinite(normOf(data))) continue
    throw new InverseFormError(
      'training-diverged',
      `${name} is not finite after step ${state.step}, so it is not saved.`,
      {
        hint: DIVERGED_HINT,
        details: { step: state.step, tensor: name },
      },
    )
  }
  const tensors = [...all].map(([name, tensor]) => writable(name, tensor))
  await writeSafetensors(tensors, sink, metadata)
}

/**
 * Continues from a file that {@link writeTraining} wrote: the next steps are those that the saved trainer would have done, bit by
 * bit. The trainer must have the options of that one.
 *
 * @param name what the checkpoint is called in messages, such as its path
 * @throws InverseFormError `invalid-checkpoint` for another file; `checkpoint-mismatch` for a training with
 *   another model, number of classes, optimizer, average or frozen parts. The trainer is then as before.
 */
export async function resumeTraining(
  { state }: Trainer,
  { tensors, metadata }: Pick<Checkpoint, 'tensors' | 'metadata'>,
  name = 'The checkpoint',
): Promise<void> {
  const step = Number(metadata.step)
  if (metadata.format !== FORMAT || !Number.isSafeInteger(step) || step < 0) {
    throw new InverseFormError('invalid-checkpoint', `${name} is not a checkpoint of a training.`, {
      hint: 'Resume from the last.safetensors of a run. To start from the weights of any file, pass it as `checkpoint`.',
    })
  }
  const wanted = tensorsOf(state)
  const isSame = ([key, { shape }]: [string, StepTensor]) =>
    tensors.get(key)?.dtype === 'float32' && `${tensors.get(key)?.shape}` === `${shape}`
  const wrong = [
    ...[...wanted].filter((tensor) => !isSame(tensor)).map(([key]) => key),
    ...[...tensors.keys()].filter((key) => !wanted.has(key)),
  ]
  if (wrong.length > 0) {
    throw new InverseFormError(
      'checkpoint-mismatch',
      `${name} is of a training with other options (${metadata.model}, ${metadata.numClasses} classes): it differs in ${listFew(wrong)}.`,
      {
        hint: 'Resume with the model, the classes, the optimizer, the average and the frozen parts of the run.',
        details: { tensors: wrong },
      },
    )
  }
  const values = new Map<StepTensor, Float32Array>()
  for (const [key, tensor] of wanted) {
    values.set(tensor, (await tensors.get(key)?.read())?.data as Float32Array)
  }
  for (const [tensor, data] of values) tensor.data.set(data)
  state.step = step
}

/**
 * Writes the weights as a `.pth` file that PyTorch loads, under the names of the published networks: the averages where there are
 * some, and `num_batches_tracked` of each normalization.
 *
 * @param metadata written beside the weights, after `model`, `num_classes` and `step`
 */
export async function writeTorch(
  { state, settings }: Trainer,
  sink: ByteSink,
  metadata: Readonly<Record<string, TorchMetadataValue>> = {},
): Promise<void> {
  const { model, numClasses, accumulate } = settings
  const tensors: WritableTensor[] = []
  for (const [name, tensor] of state.evaluated) {
    tensors.push(writable(name, tensor))
    if (!name.endsWith('.running_var')) continue
    const batches = settings.isFrozen(name) ? 0 : state.step * accumulate
    const counted = { dtype: 'int64', shape: [], data: BigInt64Array.of(BigInt(batches)) } as const
    tensors.push({
      name: name.replace(/running_var$/, 'num_batches_tracked'),
      ...counted,
      read: async () => counted,
    })
  }
  const all = { model, num_classes: numClasses, step: state.step, ...metadata }
  await writeTorchCheckpoint(tensors, sink, all)
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
