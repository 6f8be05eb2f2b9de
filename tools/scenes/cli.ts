// Writes drawn street scenes in the layout of Cityscapes.
import { parseArgs } from 'node:util'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import { writeScenes } from './src/index.js'

const usage =
  'pnpm scenes --out <folder> [--train 400] [--val 50] [--size 256x512 (height x width)] [--seed 1]'

function whole(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text)
  throw new InverseFormError('invalid-argument', `--${option} must be a whole number, got ${text}.`, {
    hint: usage,
  })
}

try {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      train: { type: 'string', default: '400' },
      val: { type: 'string', default: '50' },
      size: { type: 'string', default: '256x512' },
      seed: { type: 'string', default: '1' },
    },
  })
  const size = /^(\d+)x(\d+)$/.exec(values.size)
  if (values.out === undefined || !size) {
    const problem = size
      ? '--out is missing.'
      : `--size must be as in 256x512 (height x width), got ${values.size}.`
    throw new InverseFormError('invalid-argument', problem, { hint: usage })
  }
  const started = performance.now()
  await writeScenes({
    out: values.out,
    splits: { train: whole('train', values.train), val: whole('val', values.val) },
    height: Number(size[1]),
    width: Number(size[2]),
    seed: whole('seed', values.seed),
    onScene(done, total) {
      if (done % 50 !== 0 && done !== total) return
      const rate = (1000 * done) / (performance.now() - started)
      console.log(`${done} of ${total} scenes, ${rate.toFixed(1)} per second`)
    },
  })
} catch (error) {
  const isUsage = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')
  if (!isInverseFormError(error) && !isUsage) throw error
  console.error((error as Error).message)
  console.error((isInverseFormError(error) && error.hint) || usage)
  process.exitCode = 1
}
