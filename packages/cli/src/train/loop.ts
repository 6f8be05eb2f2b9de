import type { StepResult, Trainer, TrainingData } from '@inverseform/training'
import type { Run, RunStep, TrainingEvaluation } from '@inverseform/training/node'

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
  /** The step of the last evaluation before. */
  readonly evaluatedStep?: number
  readonly onStep?: (step: StepResult & RunStep) => void
  readonly signal: AbortSignal
}

/**
 * Trains up to the last step. The checkpoint is written after all else of its step, so that a run that is killed at any moment
 * and goes on from it repeats what was lost. An aborted run is saved first; one that was aborted in an evaluation goes on with it.
 *
 * @returns the best mean IoU; undefined without evaluations
 */
export async function trainSteps(loop: TrainingLoop): Promise<number | undefined> {
  const { trainer, data, run, steps, batchSize, accumulate, saveEvery, signal } = loop
  let { best, evaluatedStep } = loop
  const isEvaluated = (step: number) =>
    loop.evaluateEvery > 0 && step > 0 && (step === steps || step % loop.evaluateEvery === 0)
  for (;;) {
    const step = trainer.stepsDone
    const mustEvaluate = isEvaluated(step) && evaluatedStep !== step
    if (step >= steps && !mustEvaluate) return best
    if (signal.aborted) {
      await loop.save()
      signal.throwIfAborted()
    }
    if (mustEvaluate) {
      const evaluation = await unlessAborted(loop.evaluate(), signal)
      if (!evaluation) continue
      const { meanIou } = evaluation.record
      // Before the evaluation is recorded: a run that is killed in between evaluates again. No labeled pixels give NaN.
      if (meanIou > (best ?? -1)) {
        best = meanIou
        await loop.saveBest(best)
      }
      await run.evaluation(evaluation.record, evaluation.pictures)
      evaluatedStep = step
      await loop.save()
      continue
    }
    const started = performance.now()
    const batches = Array.from({ length: accumulate }, (_, i) => data.batch(step * accumulate + i))
    const result = await trainer.step(await Promise.all(batches))
    const seconds = (performance.now() - started) / 1000
    const recorded = { ...result, seconds, images: batchSize * accumulate }
    await run.step(recorded)
    loop.onStep?.(recorded)
    const isDue = result.step === steps || result.step % saveEvery === 0
    // Otherwise the evaluation comes first.
    if (isDue && !isEvaluated(result.step)) await loop.save()
  }
}

/** Resolves to undefined when the work fails because it was aborted. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}
