import { fork } from 'node:child_process'
import { once } from 'node:events'
import { ConfusionMatrix, toTrainIds } from '@inverseform/cityscapes'
import { readLabelIds } from '@inverseform/cityscapes/node'
import { readImage } from '@inverseform/runtime-node'
import { memory } from '../lib/machine.mjs'

/** The times that both sides measure, in milliseconds. `other` is the transfer of pixels to another thread and back; the last two are sums. */
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
 * Makes this process a side of evaluate/run.mjs: answers each sample with labels and times, and `end` with its memory.
 * `segment` returns the labels of an image and the times of its own stages.
 */
export function serve(segment) {
  const matrix = new ConfusionMatrix()
  process.on('message', async (sample) => {
    if (sample === 'end') return process.send(memory(), () => process.exit())
    const started = performance.now()
    const image = await readImage(sample.image)
    const { data, width, height } = await readLabelIds(sample.labelIds)
    const target = toTrainIds(data)
    const decoded = performance.now()
    const { labels, timings } = await segment(image)
    const { preprocess, network, postprocess } = timings
    const segmented = performance.now()
    matrix.update({ target, prediction: labels, width, height })
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

/** Starts a side in its own process. Returns a function that sends a message and resolves with the reply. */
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
