import { InverseFormError } from '@inverseform/errors'
import {
  type RegressorErrors,
  type RegressorTransform,
  regressorTransforms,
  trainRegressor,
} from '@inverseform/training'
import { nodeSession, readBoundaryMaps, saveRegressor } from '@inverseform/training/node'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { parseCount, parseCountOrZero } from '../options/parse.js'
import { checkWritable } from '../output/check-writable.js'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'

interface TrainRegressorFlags {
  readonly data?: string
  readonly split: string
  readonly out: string
  readonly transform: RegressorTransform
  readonly size?: readonly (readonly [number, number])[]
  readonly tile: readonly [number, number]
  readonly hidden: readonly [number, number]
  readonly steps: number
  readonly batch: number
  readonly learningRate: number
  readonly seed: number
  readonly limit: number
  readonly exact?: boolean
  readonly threads?: number
}

export function setUpTrainRegressor(command: Command, printer: Printer, signal: AbortSignal): void {
  command
    .option('--data <folder>', 'read this data set (default: the environment variable CITYSCAPES_DATASET)')
    .option('--split <name>', 'use this split; every tenth image is held out', 'train')
    .option('--limit <n>', 'use at most this many images', parseCount, 500)
    .requiredOption('-o, --out <file>', 'write this .safetensors file')
    .addOption(
      new Option('--transform <name>', 'transformations to estimate')
        .choices(regressorTransforms)
        .default('shift-and-scale'),
    )
    .option(
      '--size <sizes>',
      'resize boundary maps to these, such as 672x1344 or 256x512,192x384 (default: as they are)',
      parseSizes,
    )
    .option('--tile <pixels>', 'side of a tile, or height x width', parseTile, [224, 224])
    .option('--hidden <units>', 'units of the two hidden layers', parseHidden, [1000, 32])
    .option('--steps <n>', 'steps', parseCount, 4000)
    .option('--batch <n>', 'pairs of tiles in a step', parseCount, 128)
    .option('--learning-rate <rate>', 'learning rate, which falls to 0', parsePositive, 0.001)
    .option('--seed <n>', 'seed of weights and pairs', parseCountOrZero, 1)
    .option('--exact', 'train on exact copies of boundaries instead of what looks like predictions')
    .option('--threads <n>', 'threads (default: one per core)', parseCount)
    .addHelpText(
      'after',
      `
The file has the names of the published weights. Set the options \`size\` and \`tileGrid\` of the loss so that its tiles have the
same size. Errors are divided by the spread of a parameter: 1 is as good as always answering the mean.

Example:
  inverseform train-regressor --data cityscapes --size 672x1344 --out regressor.safetensors

In a clone of the repository, with its data:
  inverseform train-regressor --data tools/demo/cityscapes --split val --tile 56 --hidden 64,32 --steps 20 --batch 16 --out demo-output/regressor.safetensors`,
    )
    .action((flags: TrainRegressorFlags) => trainRegressorCommand(flags, printer, signal))
}

async function trainRegressorCommand(
  flags: TrainRegressorFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const { data, split, out, transform, tile, hidden, steps, batch, seed, limit, size } = flags
  if (!/\.safetensors$/i.test(out)) {
    throw new InverseFormError(
      'invalid-argument',
      `--out must end in .safetensors, got ${JSON.stringify(out)}.`,
      {
        hint: 'The regressor is written as safetensors.',
      },
    )
  }
  await checkWritable([out])
  const reading = new Progress(printer, 'label maps')
  const maps = await readBoundaryMaps({
    ...{ data, split, limit, signal, sizes: size },
    onImage(_, total) {
      reading.total = total
      reading.step()
    },
  }).finally(() => reading.end())
  const progress = new Progress(printer, 'steps', steps)
  let smooth: number | undefined
  const regressor = await trainRegressor({
    ...maps,
    ...{ tileSize: tile, hidden, transform, steps, batchSize: batch, seed, signal },
    learningRate: flags.learningRate,
    degrade: !flags.exact,
    openSession: (graph) => nodeSession(graph, { threads: flags.threads }),
    onStep({ loss }) {
      smooth = smooth === undefined ? loss : 0.98 * smooth + 0.02 * loss
      progress.step(`loss ${smooth.toPrecision(3)}`)
    },
  }).finally(() => progress.end())
  await saveRegressor(out, regressor, {
    ...{ transform, tileSize: tile.join('x'), hidden: hidden.join(','), steps, batchSize: batch, seed },
    ...{ learningRate: flags.learningRate, predictions: flags.exact ? 'exact' : 'degraded' },
    ...(size && { size: size.map((each) => each.join('x')).join(',') }),
  })
  printer.out(`error on exact copies: ${errorText(regressor.exact)}\n`)
  if (!flags.exact) printer.out(`error on predictions: ${errorText(regressor.degraded)}\n`)
  printer.line(`Wrote ${out}`)
}

const errorText = (errors: RegressorErrors) =>
  Object.entries(errors)
    .map(([name, error]) => `${name} ${error.toFixed(3)}`)
    .join(', ')

function parseSizes(value: string): (readonly [number, number])[] {
  return value
    .split(',')
    .map((size) => parsePair(size, /^\s*(\d+)x(\d+)\s*$/, 'Use height x width, such as 672x1344.'))
}

function parseTile(value: string): readonly [number, number] {
  return parsePair(
    /^\d+$/.test(value) ? `${value}x${value}` : value,
    /^(\d+)x(\d+)$/,
    'Use a number of pixels, such as 224.',
  )
}

function parseHidden(value: string): readonly [number, number] {
  return parsePair(value, /^(\d+)\s*,\s*(\d+)$/, 'Use two numbers, such as 1000,32.')
}

function parsePair(value: string, pattern: RegExp, help: string): readonly [number, number] {
  const [first, second] = (pattern.exec(value) ?? []).slice(1).map(Number)
  if (first > 0 && second > 0) return [first, second]
  throw new InvalidArgumentError(help)
}

function parsePositive(value: string): number {
  const number = Number(value)
  if (number > 0 && number < Number.POSITIVE_INFINITY) return number
  throw new InvalidArgumentError('Use a number above 0.')
}
