import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ConfusionMatrix, toTrainIds } from '@inverseform/cityscapes'
import { readLabelIds } from '@inverseform/cityscapes/node'
import { readImage } from '@inverseform/runtime-node'
import { memory } from './machine.mjs'

/** What both sides time, in milliseconds: stages, handing pixels to another thread and back (`other`), and sums. */
export const STAGES = [
  'decode',
  'preprocess',
  'network',
  'postprocess',
  'metric',
  'other',
  'image to labels',
  'total',
]

/**
 * Makes this process a side of evaluate.mjs: answers each sample with its labels and times, the end with its memory.
 * `segment` gives an image's labels and its own stages' times.
 */
export function serve(segment) {
  const matrix = new ConfusionMatrix()
  process.on('message', async (sample) => {
    if (sample === 'end') return process.send(memory(), () => process.exit())
    const started = performance.now()
    const image = await readImage(sample.image)
    const { data, width, height } = await readLabelIds(sample.labelIds)
    const truth = toTrainIds(data)
    const decoded = performance.now()
    const { labels, timings } = await segment(image)
    const { preprocess, network, postprocess } = timings
    const segmented = performance.now()
    matrix.update({ truth, prediction: labels, width, height })
    const ended = performance.now()
    const times = { decode: decoded - started, preprocess, network, postprocess, metric: ended - segmented }
    const toLabels = segmented - decoded
    const other = toLabels - preprocess - network - postprocess
    process.send({
      labels,
      times: { ...times, other, 'image to labels': toLabels, total: ended - started },
    })
  })
  process.send('ready')
}

/** The parent's end of a side. */
export async function startSide(script, args) {
  const child = fork(script, args, { serialization: 'advanced' })
  const failed = once(child, 'exit').then(([code, signal]) => {
    throw new Error(`${script} ended: ${signal ?? `exit code ${code}`}`)
  })
  failed.catch(() => {})
  const reply = async () => (await Promise.race([once(child, 'message'), failed]))[0]
  await reply()
  return (message) => {
    child.send(message)
    return reply()
  }
}
