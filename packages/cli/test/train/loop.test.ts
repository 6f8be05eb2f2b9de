import { expect, test } from 'vitest'
import { lossText } from '../../src/commands/train.js'
import { type TrainingLoop, trainSteps } from '../../src/train/loop.js'

/** A loop whose parts write down what they are asked, and a score after each evaluation. */
function loopFrom(step: number, more: Partial<TrainingLoop> = {}) {
  const log: string[] = []
  const trainer = {
    stepsDone: step,
    async step(batches: unknown) {
      log.push(`train ${JSON.stringify(batches)}`)
      trainer.stepsDone++
      return { step: trainer.stepsDone, loss: 1, terms: {}, learningRate: 0.1, gradientNorm: 1 }
    },
  }
  const scores = [0.3, 0.2, 0.4]
  const loop: TrainingLoop = {
    trainer,
    data: { batch: async (index) => index as never },
    run: {
      step: async (record) => void log.push(`step ${record.step} of ${record.images}`),
      evaluation: async ({ step, meanIou }) => void log.push(`evaluation ${step}: ${meanIou}`),
    },
    ...{ steps: 6, batchSize: 3, accumulate: 2, evaluateEvery: 2, saveEvery: 3 },
    evaluate: async () => ({
      record: {
        step: trainer.stepsDone,
        meanIou: scores[trainer.stepsDone / 2 - 1],
        boundaryF: { 1: 0, 3: 0, 5: 0 },
        classIou: [],
      },
      pictures: [],
    }),
    saveBest: async (meanIou) => void log.push(`best ${meanIou}`),
    save: async () => void log.push(`save ${trainer.stepsDone}`),
    signal: new AbortController().signal,
    ...more,
  }
  return { loop, log }
}

test('a step is recorded, evaluated and saved, in this order', async () => {
  const { loop, log } = loopFrom(0)
  expect(await trainSteps(loop)).toBe(0.4)
  expect(log).toEqual([
    ...['train [0,1]', 'step 1 of 6'],
    ...['train [2,3]', 'step 2 of 6', 'best 0.3', 'evaluation 2: 0.3', 'save 2'],
    ...['train [4,5]', 'step 3 of 6', 'save 3'],
    ...['train [6,7]', 'step 4 of 6', 'evaluation 4: 0.2', 'save 4'],
    ...['train [8,9]', 'step 5 of 6'],
    ...['train [10,11]', 'step 6 of 6', 'best 0.4', 'evaluation 6: 0.4', 'save 6'],
  ])
})

test('a resumed run does the rest, and keeps the best of before', async () => {
  const { loop, log } = loopFrom(4, { best: 0.5, evaluatedStep: 4, evaluateEvery: 4 })
  expect(await trainSteps(loop)).toBe(0.5)
  expect(log).toEqual([
    ...['train [8,9]', 'step 5 of 6'],
    ...['train [10,11]', 'step 6 of 6', 'evaluation 6: 0.4', 'save 6'],
  ])
})

test('a run without evaluations saves its last step', async () => {
  const { loop, log } = loopFrom(4, { evaluateEvery: 0, saveEvery: 100 })
  expect(await trainSteps(loop)).toBeUndefined()
  expect(log.at(-1)).toBe('save 6')
})

test('an interrupted run is saved', async () => {
  const controller = new AbortController()
  const { loop, log } = loopFrom(0, { signal: controller.signal, onStep: () => controller.abort() })
  await expect(trainSteps(loop)).rejects.toThrow(/abort/)
  expect(log).toEqual(['train [0,1]', 'step 1 of 6', 'save 1'])
})

test('progress has the loss, its terms and the rate', () => {
  expect(lossText({ loss: 2.34567, terms: { crossEntropy: 1.2, edges: 0.0123456 } }, 1.396)).toBe(
    'loss 2.35 (crossEntropy 1.20, edges 0.0123)  1.40 images/s',
  )
})

test('a run that is interrupted in an evaluation is saved, and goes on with it', async () => {
  const controller = new AbortController()
  const { loop, log } = loopFrom(1, {
    signal: controller.signal,
    async evaluate() {
      controller.abort()
      throw controller.signal.reason
    },
  })
  await expect(trainSteps(loop)).rejects.toThrow(/abort/)
  expect(log).toEqual(['train [2,3]', 'step 2 of 6', 'save 2'])
  const resumed = loopFrom(2, { steps: 2 })
  expect(await trainSteps(resumed.loop)).toBe(0.3)
  expect(resumed.log).toEqual(['best 0.3', 'evaluation 2: 0.3', 'save 2'])
})

test('an evaluation without labeled pixels is no best', async () => {
  const { loop, log } = loopFrom(1)
  const evaluate = loop.evaluate
  const scores = [Number.NaN, 0.2, Number.NaN]
  const blind = {
    ...loop,
    async evaluate() {
      const { record, pictures } = await evaluate()
      return { record: { ...record, meanIou: scores[record.step / 2 - 1] }, pictures }
    },
  }
  expect(await trainSteps(blind)).toBe(0.2)
  expect(log.filter((line) => line.startsWith('best'))).toEqual(['best 0.2'])
})

test('an evaluation that fails ends the run', async () => {
  const { loop, log } = loopFrom(1, { evaluate: () => Promise.reject(new Error('no memory')) })
  await expect(trainSteps(loop)).rejects.toThrow('no memory')
  expect(log).not.toContain('save 2')
})
