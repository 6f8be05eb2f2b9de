import type { StepResult, Trainer, TrainingData } from '@inverseform/training'
import type { Run, TrainingEvaluation } from '@inverseform/training/node'

/** What a training does besides its steps. */
export interface TrainingLoop {
  readonly trainer: Pick<Trainer, 'step' | 'stepsDone'>
  readonly data: Pick<TrainingData, 'batch'>
  readonly run: Pick<Run, 'step' | 'evaluation'>
  readonly steps: number
  readonly batchSize: number
  readonly accumulate: number
  /** Steps between evaluations; 0 for none. The last step is evaluated too. */
  readonly evaluateEvery: number
  /** Steps between checkpoints. The last step is saved too. */
  readonly saveEvery: number
  evaluate(): Promise<TrainingEvaluation>
  /** Writes the checkpoint of the best evaluation. */
  saveBest(meanIou: number): Promise<void>
  /** Writes the checkpoint that a run goes on from. */
  save(): Promise<void>
  /** The best mean IoU before. */
  readonly best?: number
  readonly onStep?: (result: StepResult, imagesPerSecond: number) => void
  readonly signal: AbortSignal
}

/**
 * Trains up to the last step. The checkpoint is written after all else of its step, so that a run that is killed at any moment
 * and goes on from it repeats what was lost. An aborted run is saved first.
 *
 * @returns the best mean IoU; undefined without evaluations
 */
export async function trainSteps(loop: TrainingLoop): Promise<number | undefined> {
  const { trainer, data, run, steps, batchSize, accumulate, evaluateEvery, saveEvery, signal } = loop
  let { best } = loop
  while (trainer.stepsDone < steps) {
    if (signal.aborted) {
      await loop.save()
      signal.throwIfAborted()
    }
    const started = performance.now()
    const batches = Array.from({ length: accumulate }, (_, i) =>
      data.batch(trainer.stepsDone * accumulate + i),
    )
    const result = await trainer.step(await Promise.all(batches))
    const seconds = (performance.now() - started) / 1000
    const images = batchSize * accumulate
    await run.step({ ...result, seconds, images })
    loop.onStep?.(result, images / seconds)
    const { step } = result
    const isLast = step === steps
    const isEvaluated = evaluateEvery > 0 && (isLast || step % evaluateEvery === 0)
    if (isEvaluated) {
      const { record, pictures } = await loop.evaluate()
      await run.evaluation(record, pictures)
      if (best === undefined || record.meanIou > best) {
        best = record.meanIou
        await loop.saveBest(best)
      }
    }
    if (isEvaluated || isLast || step % saveEvery === 0) await loop.save()
  }
  return best
}
