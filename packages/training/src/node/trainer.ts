import { openCheckpoint, type TorchMetadataValue } from '@inverseform/backbones'
import { fileSource, localCheckpoint } from '@inverseform/backbones/node'
import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { checkThreads } from '@inverseform/runtime'
import { writeFileAtomically } from '@inverseform/shared/node'
import { resumeTraining, writeTorch, writeTraining } from '../checkpoint.js'
import type { TrainingSample } from '../data/sample.js'
import { type InitialWeights, loadInitialWeights } from '../initial-weights.js'
import { Trainer, type TrainerOptions } from '../trainer.js'
import { type EvaluateTrainingOptions, evaluateTraining, type TrainingEvaluation } from './run/evaluate.js'
import { checkMemory, nodeSession } from './session.js'

export interface NodeTrainerOptions extends TrainerOptions {
  /** Published model, URL or file to start from, as far as its weights fit the network: {@link NodeTrainer.initialWeights} tells. Default: random weights. */
  readonly checkpoint?: string
  /** The state dict of the checkpoint to use, such as `ema`, where it has several. */
  readonly key?: string
  /** Threads of each step; by default, one per core. */
  readonly threads?: number
}

/** A {@link Trainer} on ONNX Runtime that reads and writes files. {@link createTrainer} makes it. */
export class NodeTrainer extends Trainer {
  #initialWeights: InitialWeights | undefined

  constructor(options: NodeTrainerOptions) {
    super(options, (graph) => nodeSession(graph, { threads: options.threads }))
  }

  /** What became of the tensors of the checkpoint that the training started from, if there was one. */
  get initialWeights(): InitialWeights | undefined {
    return this.#initialWeights
  }

  /**
   * Evaluates the network as it is now, with averaged weights if there are some, on whole images: mean IoU and boundary F at 1, 3
   * and 5 pixels.
   *
   * @throws InverseFormError as `createSegmenter` of `@inverseform/runtime-node`, and as the samples' `load`
   */
  evaluate(
    samples: readonly TrainingSample[],
    options?: EvaluateTrainingOptions,
  ): Promise<TrainingEvaluation> {
    return evaluateTraining(this, samples, options)
  }

  /**
   * Writes all that a run continues from (see {@link writeTraining}). The file is replaced as a whole or stays as it was.
   * @throws InverseFormError `write-failed`; `training-diverged` when a value is not finite
   */
  save(path: string): Promise<void> {
    return writeFileAtomically(path, (sink) => writeTraining(this, sink))
  }

  /**
   * Continues from a file that {@link save} wrote: the next steps are those that the saved trainer would have done, bit by bit.
   * @throws InverseFormError `not-found` or `unreadable`, and as {@link resumeTraining}
   */
  async resume(path: string): Promise<void> {
    await using source = await fileSource(path)
    await resumeTraining(this, await openCheckpoint(source), path)
  }

  /**
   * Writes the weights as a `.pth` file that PyTorch loads (see {@link writeTorch}). The file is replaced as a whole or stays as
   * it was.
   * @throws InverseFormError `write-failed`
   */
  saveTorch(path: string, metadata?: Readonly<Record<string, TorchMetadataValue>>): Promise<void> {
    return writeFileAtomically(path, (sink) => writeTorch(this, sink, metadata))
  }

  /** Takes the weights of a published model, a URL or a file, as far as they fit. */
  async startFrom(checkpoint: string, key?: string): Promise<void> {
    await using source = await fileSource(await localCheckpoint(checkpoint))
    this.#initialWeights = await loadInitialWeights(this.state, await openCheckpoint(source, { key }))
  }
}

/**
 * Creates a trainer. The loss `joint` uses a small InverseNet unless there is a `regressor`.
 *
 * @throws InverseFormError `invalid-argument` for options that do not fit; `out-of-memory` when a step needs more memory than is free;
 *   errors of reading the checkpoint, `checkpoint-mismatch` when none of its weights fits
 */
export async function createTrainer(options: NodeTrainerOptions): Promise<NodeTrainer> {
  const { loss = 'joint', regressor, checkpoint, key, threads = 0 } = options
  checkThreads(threads)
  const trainer = new NodeTrainer(loss === 'joint' && !regressor ? withSmallInverseNet(options) : options)
  checkMemory(trainer)
  if (checkpoint !== undefined) await trainer.startFrom(checkpoint, key)
  return trainer
}

function withSmallInverseNet(options: NodeTrainerOptions): NodeTrainerOptions {
  const { weights, options: tiles } = smallInverseNet(options.cropSize)
  const { lossOptions } = options
  const inverseForm = { ...tiles, ...lossOptions?.inverseForm }
  return { ...options, regressor: weights, lossOptions: { ...lossOptions, inverseForm } }
}
