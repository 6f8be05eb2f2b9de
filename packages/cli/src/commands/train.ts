import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openCheckpoint, readInverseNet } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import type { ReportFacts } from '@inverseform/cityscapes'
import type { InverseFormLossOptions } from '@inverseform/core'
import { InverseFormError } from '@inverseform/errors'
import { listFew } from '@inverseform/shared'
import { writeWholeFile } from '@inverseform/shared/node'
import type { InitialWeights } from '@inverseform/training'
import {
  createTrainer,
  hasRun,
  type NodeTrainerOptions,
  openRun,
  openTrainingData,
  openTrainingSamples,
  type SampleSource,
} from '@inverseform/training/node'
import type { Command } from 'commander'
import { readClassNames } from '../options/class-names.js'
import { readIdMap } from '../options/id-map.js'
import { checkWritable } from '../output/check-writable.js'
import { Progress } from '../output/text/progress.js'
import { jsonText, type Printer } from '../printer.js'
import { applyConfig, readConfig } from '../train/config.js'
import { trainSteps } from '../train/loop.js'
import { addTrainOptions, type TrainFlags } from '../train/options.js'
import { resumeOptions } from '../train/resume-options.js'

export function addTrainCommand(program: Command, printer: Printer, signal: AbortSignal): void {
  const command = program.command('train').description('Train a network with the InverseForm loss')
  addTrainOptions(command)
    .addHelpText(
      'after',
      `
Every option is also a key of the config, such as "learning-rate: 0.005". The folder of the run holds last.safetensors, which
--resume goes on from, last.pth and best.pth for PyTorch, metrics.jsonl, TensorBoard files, and index.html with curves.

Examples:
  inverseform train --data cityscapes --model hrnet16-slim --steps 20000 --out run
  inverseform train --images photos --gt labels --num-classes 3 --model hrnet18 --checkpoint hrnet18.pth --steps 2000
    --loss cross-entropy --crop 256x512 --out run
  inverseform train --resume --out run`,
    )
    .action(() => trainCommand(command, printer, signal))
}

/** The options of a run, in its folder, from which it is resumed. */
const OPTIONS = 'options.json'
const LAST = 'last.safetensors'

async function trainCommand(command: Command, printer: Printer, signal: AbortSignal): Promise<void> {
  const { config, resume, out: given } = command.opts<TrainFlags>()
  if (config !== undefined) applyConfig(command, await readConfig(config), config)
  const out = command.opts<TrainFlags>().out ?? given
  if (out === undefined) throw missing('--out', 'Pass the folder of the run.')
  const optionsFile = join(out, OPTIONS)
  if (resume) await resumeOptions(command, optionsFile, printer)
  else if (await hasRun(out)) {
    throw new InverseFormError('invalid-argument', `${out} has a run already.`, {
      hint: 'Pass --resume to go on with it, or choose another folder.',
    })
  }
  const flags = command.opts<TrainFlags>()
  const { model, steps } = flags
  if (model === undefined) throw missing('--model', 'Pass the network to train, such as hrnet16-slim.')
  if (steps === undefined) throw missing('--steps', 'Pass the number of steps.')
  const { training, validation } = await sourcesOf(flags)
  const names = flags.classNames === undefined ? undefined : await readClassNames(flags.classNames)
  const numClasses = flags.numClasses ?? names?.names.length ?? 19
  const last = join(out, LAST)
  const isSaved = resume && (await exists(last))
  const { checkpoint, key } = isSaved ? {} : flags
  await using trainer = await createTrainer({
    ...(await trainerOptions(flags)),
    ...{ model, steps, numClasses, checkpoint, key },
  })
  if (isSaved) await trainer.resume(last)
  if (trainer.initialWeights) noteOnWeights(trainer.initialWeights, printer)

  const valSamples = validation && (await openTrainingSamples({ ...validation, cacheBytes: 0 }))
  const samples = valSamples?.slice(0, flags.evaluateImages)
  const { batch: batchSize, accumulate, seed, saveEvery, workers, pictures, threads } = flags
  await checkWritable([last])
  printer.line('Reading the label maps …')
  await using data = await openTrainingData({
    ...training,
    ...{ numClasses, batchSize, seed, workers },
    cropSize: flags.crop,
  })
  printer.line(`${data.size} images for training, ${samples?.length ?? 0} for evaluation`)
  await using run = await openRun(out, {
    resume: resume ? trainer.stepsDone : undefined,
    title: `Training of ${model}`,
    totalSteps: steps,
    facts: factsOf(command, data.size, samples?.length),
    classNames: names?.names,
    palette: names?.palette,
  })
  await writeWholeFile(optionsFile, jsonText(chosenOptions(command)))
  const progress = new Progress(printer, 'steps', steps, trainer.stepsDone)
  const best = await trainSteps({
    ...{ trainer, data, run, steps, batchSize, accumulate, saveEvery, signal },
    evaluateEvery: samples ? (flags.evaluateEvery ?? Math.max(1, Math.round(steps / 10))) : 0,
    evaluate: () => trainer.evaluate(samples ?? [], { pictures, threads, signal }),
    saveBest: (meanIou) => trainer.saveTorch(join(out, 'best.pth'), { mean_iou: meanIou }),
    async save() {
      await trainer.saveTorch(join(out, 'last.pth'))
      await trainer.save(last)
    },
    best: bestOf(run.history.evaluations.map(({ meanIou }) => meanIou)),
    onStep: (result, rate) => progress.step(lossText(result, rate)),
  }).finally(() => progress.end())
  // On leaving after an error, a page that cannot be written must not hide it. Here it is the error.
  await run.close()
  if (best !== undefined) printer.out(`best mean IoU ${(100 * best).toFixed(2)} %\n`)
  printer.out(`${join(out, 'index.html')}\n`)
}

const missing = (flag: string, hint: string) =>
  new InverseFormError('invalid-argument', `${flag} is missing.`, { hint })

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

const bestOf = (scores: readonly number[]): number | undefined =>
  scores.length > 0 ? Math.max(...scores) : undefined

/** Loss, its terms, and images per second, for a line of progress. */
export function lossText(
  { loss, terms }: { readonly loss: number; readonly terms: Readonly<Record<string, number>> },
  imagesPerSecond: number,
): string {
  const digits = (value: number) => value.toPrecision(3)
  const parts = Object.entries(terms).map(([name, value]) => `${name} ${digits(value)}`)
  return `loss ${digits(loss)} (${parts.join(', ')})  ${digits(imagesPerSecond)} images/s`
}

/** Returns where the images for training and, if there are some, for evaluation are. */
async function sourcesOf(
  flags: TrainFlags,
): Promise<{ readonly training: SampleSource; readonly validation?: SampleSource }> {
  const { data, split, valSplit, images, gt, valImages, valGt, imageSuffix, gtSuffix } = flags
  const ids = flags.mapIds === undefined ? {} : { idMap: await readIdMap(flags.mapIds) }
  if (data !== undefined && images !== undefined) {
    throw new InverseFormError('invalid-argument', '--images cannot be used with --data.', {
      hint: 'Pass --images and --gt for plain folders, or --data for a data set in the layout of Cityscapes.',
    })
  }
  if (data !== undefined) {
    const type = flags.coarse ? 'gtCoarse' : undefined
    return { training: { data, split, type, ...ids }, validation: { data, split: valSplit, ...ids } }
  }
  if (images === undefined) throw missing('--data', 'Pass --data, or --images and --gt.')
  if (gt === undefined) throw missing('--gt', 'Pass the folder of the label maps.')
  const plain = { imageSuffix, gtSuffix, ...ids }
  if (valImages === undefined) return { training: { images, gt, ...plain } }
  if (valGt === undefined) throw missing('--val-gt', 'Pass the folder of the label maps of --val-images.')
  return { training: { images, gt, ...plain }, validation: { images: valImages, gt: valGt, ...plain } }
}

/** Side of the published InverseNet's tiles in pixels. The loss resizes maps for them by itself. */
const PUBLISHED_TILE = 224

interface Regressor {
  readonly weights: NonNullable<NodeTrainerOptions['regressor']>
  readonly options?: Pick<InverseFormLossOptions, 'size' | 'tileGrid'>
}

type FlagOptions = Omit<NodeTrainerOptions, 'model' | 'steps' | 'numClasses'>

async function trainerOptions(flags: TrainFlags): Promise<FlagOptions> {
  const { optimizer, momentum, weightDecay, schedule, warmup, distance } = flags
  const { loss, inversenet, crop } = flags
  const regressor =
    loss === 'joint' && inversenet !== undefined ? await readRegressor(inversenet, crop) : undefined
  if (optimizer !== 'sgd' && momentum !== undefined) {
    throw new InverseFormError('invalid-argument', `--momentum cannot be used with ${optimizer}.`, {
      hint: 'Leave it out, or use --optimizer sgd.',
    })
  }
  return {
    loss,
    regressor: regressor?.weights,
    lossOptions: { inverseForm: { ...regressor?.options, ...(distance && { distance }) } },
    optimizer: optimizer === 'sgd' ? { name: 'sgd', momentum, weightDecay } : { name: 'adamw', weightDecay },
    schedule: { name: schedule, warmup },
    batchSize: flags.batch,
    cropSize: flags.crop,
    decayWeightsOnly: flags.decayWeightsOnly,
    auxiliaryHeads: flags.auxiliaryHeads,
    learningRate: flags.learningRate,
    accumulate: flags.accumulate,
    clip: flags.clip,
    ema: flags.ema,
    freeze: flags.freeze,
    seed: flags.seed,
    threads: flags.threads,
  }
}

/** Reads an InverseNet, with the options that divide crops into its tiles. */
async function readRegressor(path: string, crop: TrainFlags['crop']): Promise<Regressor> {
  await using source = await fileSource(path)
  const weights = await readInverseNet(await openCheckpoint(source))
  const side = Math.sqrt(weights['fc.0.weight'].shape[1] / 2)
  if (side === PUBLISHED_TILE) return { weights }
  if (!Number.isInteger(side)) {
    throw new InverseFormError(
      'invalid-argument',
      `--inversenet must be for square tiles, got ${2 * side ** 2} inputs, two tiles of ${side ** 2} pixels.`,
      { hint: 'Train it with --tile and one number, such as --tile 28.' },
    )
  }
  const tileGrid = crop.map((size) => Math.max(1, Math.round(size / side))) as [number, number]
  return {
    weights,
    options: { size: [tileGrid[0] * side, tileGrid[1] * side], tileGrid },
  }
}

function noteOnWeights({ loaded, leftOut, initialized }: InitialWeights, printer: Printer): void {
  printer.note(`${loaded.length} tensors of the checkpoint are loaded.`)
  if (leftOut.length > 0) printer.note(`${leftOut.length} are left out: ${listFew(leftOut)}.`)
  if (initialized.length > 0) printer.note(`${initialized.length} are new: ${listFew(initialized)}.`)
}

/** The options that were given, by the names of their flags. */
function chosenOptions(command: Command): Record<string, unknown> {
  const chosen = command.options.filter((option) => {
    const source = command.getOptionValueSource(option.attributeName())
    return (
      source !== undefined && source !== 'default' && !['config', 'resume', 'out'].includes(option.name())
    )
  })
  return Object.fromEntries(
    chosen.map((option) => [
      option.name().replace(/^no-/, ''),
      command.getOptionValue(option.attributeName()) as unknown,
    ]),
  )
}

function factsOf(command: Command, images: number, valImages: number | undefined): ReportFacts {
  const { config, resume, ...options } = command.opts<Record<string, unknown>>()
  const texts = Object.entries(options).map(([name, value]): [string, string] => [
    name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
    Array.isArray(value) ? value.join(name === 'crop' ? 'x' : ', ') : String(value),
  ])
  return [['images', `${images} for training, ${valImages ?? 0} for evaluation`], ...texts]
}
