import { availableParallelism } from 'node:os'
import { type WritableTensor, writeSafetensors } from '@inverseform/backbones'
import {
  BoundaryF,
  ConfusionMatrix,
  scoreImage,
  type TrainingEvaluationRecord,
} from '@inverseform/cityscapes'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { createSegmenter } from '@inverseform/runtime-node'
import { loadOnnxRuntime } from '@inverseform/runtime-node/onnx'
import { readAhead } from '@inverseform/shared'
import type { TrainingSample } from '../../data/sample.js'
import { DIVERGED_HINT } from '../../diverged.js'
import type { Trainer } from '../../trainer.js'
import type { EvaluatedPicture } from './pictures.js'

export interface EvaluateTrainingOptions {
  /** Number of samples, from the first, whose pictures are returned. Default 4. */
  readonly pictures?: number
  /** Threads of the network; by default, one per core. */
  readonly threads?: number
  /** Called after each image. */
  readonly onImage?: (done: number) => void
  readonly signal?: AbortSignal
}

/** Scores of a network in training, and pictures to show. */
export interface TrainingEvaluation {
  readonly record: TrainingEvaluationRecord
  readonly pictures: readonly EvaluatedPicture[]
}

/**
 * Evaluates the network as it is now, with averaged weights if there are some, on whole images: mean IoU and boundary F at 1, 3
 * and 5 pixels.
 *
 * @throws InverseFormError `training-diverged` when the weights or what they give are not finite; else as `createSegmenter`, and as the
 *   samples' `load`
 */
export async function evaluateTraining(
  trainer: Trainer,
  samples: readonly TrainingSample[],
  options: EvaluateTrainingOptions = {},
): Promise<TrainingEvaluation> {
  try {
    return await evaluate(trainer, samples, options)
  } catch (cause) {
    // The weights are a checkpoint that is made here: only their values can be wrong with it.
    const isDiverged =
      isInverseFormError(cause) && (cause.code === 'invalid-checkpoint' || 'output' in cause.details)
    if (!isDiverged) throw cause
    const step = trainer.stepsDone
    throw new InverseFormError(
      'training-diverged',
      `The training has diverged by step ${step}: ${cause.message}`,
      {
        hint: DIVERGED_HINT,
        details: { step },
        cause,
      },
    )
  }
}

async function evaluate(
  { state, settings }: Trainer,
  samples: readonly TrainingSample[],
  { pictures: most = 4, threads, onImage, signal }: EvaluateTrainingOptions,
): Promise<TrainingEvaluation> {
  const { model, numClasses } = settings
  const tensors = [...state.evaluated].map(([name, { data, shape }]): WritableTensor => {
    const tensor = { dtype: 'float32', shape, data } as const
    return { name, ...tensor, read: async () => tensor }
  })
  const parts: Uint8Array[] = []
  await writeSafetensors(tensors, { write: async (part) => void parts.push(part.slice()) })
  await using segmenter = await createSegmenter({
    checkpoint: Buffer.concat(parts),
    model,
    device: (await loadOnnxRuntime(threads ?? availableParallelism())).device,
    threads,
    signal,
  })
  const confusion = new ConfusionMatrix({ numClasses })
  const boundaries = new BoundaryF({ numClasses, tolerances: [1, 3, 5] })
  const pictures: EvaluatedPicture[] = []
  let done = 0
  const loaded = readAhead(samples, async (sample) => ({ name: sample.name, ...(await sample.load()) }), 1)
  for await (const { name, image, target } of loaded) {
    const { width, height } = image
    const { labels: prediction } = await segmenter.segment(image, { outputs: ['labels'], signal })
    const segmented = { name, target, prediction, width, height }
    confusion.update(segmented)
    boundaries.update(segmented)
    if (pictures.length < most) {
      const { meanIou } = scoreImage(segmented, { numClasses })
      pictures.push({ name, image, target, prediction, meanIou })
    }
    onImage?.(++done)
  }
  const { meanIou, classes } = confusion.compute()
  const [one, three, five] = boundaries.compute().tolerances.map(({ meanF }) => meanF)
  const classIou = classes.map(({ iou }) => (Number.isNaN(iou) ? null : iou))
  return {
    record: { step: state.step, meanIou, boundaryF: { 1: one, 3: three, 5: five }, classIou },
    pictures,
  }
}
