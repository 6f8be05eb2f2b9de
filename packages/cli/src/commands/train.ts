import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type SegmentationModelName, zoo } from '@inverseform/backbones'
import type { ReportFacts } from '@inverseform/cityscapes'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
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
} from '@inverseform/training/node'
import type { Command } from 'commander'
import { secondsSince } from '../evaluation/evaluate-images.js'
import { fetchCheckpoint } from '../options/checkpoint.js'
import { readClassNames } from '../options/class-names.js'
import { addLogOption } from '../options/log.js'
import { checkWritable } from '../output/check-writable.js'
import { Progress } from '../output/text/progress.js'
import { jsonText, type Printer } from '../printer.js'
import { holdFolder } from '../state/output-folder.js'
import { applyConfig, notKeys, readConfig } from '../train/config.js'
import { trainSteps } from '../train/loop.js'
import { addTrainOptions, type TrainFlags } from '../train/options.js'
import { distanceOf, readRegressor } from '../train/regressor.js'
import { resumeOptions } from '../train/resume-options.js'
import { missing, sourcesOf } from '../train/sources.js'
import { version } from '../version.js'

export function setUpTrain(command: Command, printer: Printer, signal: AbortSignal): void {
  addLogOption(addTrainOptions(command))
    .addHelpText(
      'after',
      `
Every option but --config, --resume and --log-json is also a key of the config, such as "learning-rate: 0.005". The folder of
the run holds last.safetensors, which --resume goes on from, last.pth and best.pth for PyTorch, metrics.jsonl, TensorBoard files,
and index.html with curves.

Examples:
  inverseform train --data cityscapes --model hrnet16-slim --steps 20000 --out run
  inverseform train --images photos --gt labels --num-classes 3 --checkpoint hrnet18 --steps 2000 \\
    --loss cross-entropy --crop 256x512 --out run
  inverseform train --resume --out run

In a clone of the repository, with its data:
  inverseform train --data tools/demo/cityscapes --split val --model hrnet16-slim --checkpoint checkpoints/hrnet16-slim-demo.pth \\
    --steps 5 --crop 128x256 --out demo-output/train`,
    )
    .action(() => trainCommand(command, printer, signal))
}

/** The options of a run, in its folder, from which it is resumed. */
const OPTIONS = 'options.json'
const LAST = 'last.safetensors'
const LAST_TORCH = 'last.pth'

async function trainCommand(command: Command, printer: Printer, signal: AbortSignal): Promise<void> {
  const { config, resume, out: given } = command.opts<TrainFlags>()
  if (config !== undefined) applyConfig(command, await readConfig(config), config)
  const out = command.opts<TrainFlags>().out ?? given
  if (!out) throw missing('--out', 'Pass the folder of the run.')
  const optionsFile = join(out, OPTIONS)
  if (resume) await resumeOptions(command, optionsFile, printer)
  else if (await hasRun(out)) {
    throw new InverseFormError('invalid-argument', `${out} has a run already.`, {
      hint: 'Pass --resume to go on with it, or choose another folder.',
    })
  }
  const flags = command.opts<TrainFlags>()
  const { steps } = flags
  const model = flags.model ?? publishedModel(flags.checkpoint)
  if (model === undefined) throw missing('--model', 'Pass the network to train, such as hrnet16-slim.')
  if (steps === undefined) throw missing('--steps', 'Pass the number of steps.')
  const { training, validation } = await sourcesOf(command)
  const names = flags.classNames === undefined ? undefined : await readClassNames(flags.classNames)
  const numClasses = flags.numClasses ?? names?.names.length ?? 19
  if (names && names.names.length !== numClasses) {
    throw new InverseFormError(
      'invalid-argument',
      `--class-names has ${names.names.length} names, but --num-classes is ${numClasses}.`,
      { hint: 'Give each class a name, in the order of the class ids.' },
    )
  }
  const last = join(out, LAST)
  const lastTorch = join(out, LAST_TORCH)
  const isSaved = resume && (await exists(last))
  // A run writes them in this order, so the first is missing because somebody took it away.
  if (resume && !isSaved && (await exists(lastTorch))) {
    throw new InverseFormError('not-found', `${last} does not exist, but ${lastTorch} does.`, {
      hint: 'Put it back to go on with the run. To start a new run from its weights, pass the .pth file as --checkpoint.',
    })
  }
  const { checkpoint, key } = isSaved ? {} : flags
  const fetch = (name: string, flag: string) => fetchCheckpoint(name, { printer, signal, flag })
  await using trainer = await createTrainer({
    ...(await trainerOptions(flags, fetch)),
    ...{ model, steps, numClasses, key },
    checkpoint: checkpoint === undefined ? undefined : await fetch(checkpoint, '--checkpoint'),
  })
  await using _held = await holdFolder(out, { printer, signal })
  const resumeFrom = (path: string) =>
    trainer.resume(path).catch((cause) => {
      if (!isInverseFormError(cause) || !['unreadable', 'invalid-checkpoint'].includes(cause.code)) {
        throw cause
      }
      throw new InverseFormError(cause.code, cause.message, {
        hint: 'If it is damaged, start a new run from the weights of the last one: pass its last.pth as --checkpoint, and another --out.',
        cause,
      })
    })
  const saved = async (file: string, write: (path: string) => Promise<void>) => {
    const started = performance.now()
    await write(join(out, file))
    const seconds = { write: secondsSince(started) }
    printer.log.done('checkpoint-saved', seconds, { step: trainer.stepsDone, file })
  }
  if (isSaved) {
    await resumeFrom(last)
    if (trainer.stepsDone > steps) {
      throw new InverseFormError(
        'invalid-argument',
        `--steps is ${steps}, but the run has done ${trainer.stepsDone}.`,
        {
          hint: 'Pass more steps to go on with it.',
        },
      )
    }
    if (trainer.stepsDone === steps) printer.note(`All ${steps} steps of the run are done.`)
    // A run that was killed between the two files left the second one of an earlier step.
    await trainer.saveTorch(lastTorch)
  } else if (resume) {
    printer.note(`${out} has no ${LAST}, so the run starts from its beginning.`)
  }
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
  if (data.unlabeled.length > 0) {
    printer.note(`Images without a label map are left out: ${listFew(data.unlabeled)}.`)
  }
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
  printer.log.start({
    ...{ command: 'train', version, model, checkpoint, out },
    ...{ images: data.size, evaluationImages: samples?.length ?? 0, steps, done: trainer.stepsDone },
  })
  const progress = new Progress(printer, 'steps', steps, trainer.stepsDone)
  const best = await trainSteps({
    ...{ trainer, data, run, steps, batchSize, accumulate, saveEvery, signal },
    evaluateEvery: samples ? (flags.evaluateEvery ?? Math.max(1, Math.round(steps / 10))) : 0,
    async evaluate() {
      const started = performance.now()
      const evaluation = await trainer.evaluate(samples ?? [], { pictures, threads, signal })
      printer.log.done('evaluation-done', { evaluate: secondsSince(started) }, { ...evaluation.record })
      return evaluation
    },
    saveBest: (meanIou) => saved('best.pth', (path) => trainer.saveTorch(path, { mean_iou: meanIou })),
    async save() {
      await saved(LAST, (path) => trainer.save(path))
      await saved(LAST_TORCH, (path) => trainer.saveTorch(path))
    },
    best: bestOf(run.history.evaluations.map(({ meanIou }) => meanIou)),
    evaluatedStep: run.history.evaluations.at(-1)?.step,
    onStep({ seconds, images, ...result }) {
      const imagesPerSecond = images / seconds
      printer.log.done('step-done', { step: seconds }, { ...result, imagesPerSecond }, images)
      progress.step(lossText(result, imagesPerSecond))
    },
  }).finally(() => progress.end())
  // On leaving after an error, a page that cannot be written must not hide it. Here it is the error.
  await run.close()
  if (best !== undefined) printer.out(`best mean IoU ${(100 * best).toFixed(2)} %\n`)
  printer.out(`${join(out, 'index.html')}\n`)
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Images without a labeled pixel score NaN, which is no best. */
function bestOf(scores: readonly number[]): number | undefined {
  const known = scores.filter((score) => !Number.isNaN(score))
  return known.length > 0 ? Math.max(...known) : undefined
}

/** Loss, its terms, and images per second, for a line of progress. */
export function lossText(
  { loss, terms }: { readonly loss: number; readonly terms: Readonly<Record<string, number>> },
  imagesPerSecond: number,
): string {
  const digits = (value: number) => value.toPrecision(3)
  const parts = Object.entries(terms).map(([name, value]) => `${name} ${digits(value)}`)
  return `loss ${digits(loss)} (${parts.join(', ')})  ${digits(imagesPerSecond)} images/s`
}

type FlagOptions = Omit<NodeTrainerOptions, 'model' | 'steps' | 'numClasses'>

/** Returns the network whose name a checkpoint has. */
const publishedModel = (checkpoint = ''): SegmentationModelName | undefined =>
  Object.hasOwn(zoo, checkpoint) ? (checkpoint as SegmentationModelName) : undefined

async function trainerOptions(
  flags: TrainFlags,
  fetch: (checkpoint: string, flag: string) => Promise<string>,
): Promise<FlagOptions> {
  const { optimizer, momentum, weightDecay, schedule, warmup } = flags
  const { loss, inversenet, crop } = flags
  if (inversenet !== undefined && loss !== 'joint') {
    throw new InverseFormError('invalid-argument', `--inversenet cannot be used with --loss ${loss}.`, {
      hint: 'Leave it out, or use --loss joint.',
    })
  }
  if (flags.key !== undefined && flags.checkpoint === undefined) {
    throw new InverseFormError('invalid-argument', '--key cannot be used without --checkpoint.', {
      hint: 'Pass the checkpoint, or leave --key out.',
    })
  }
  const regressor =
    inversenet === undefined ? undefined : await readRegressor(await fetch(inversenet, '--inversenet'), crop)
  const distance = distanceOf(flags.distance, regressor)
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

function noteOnWeights({ loaded, leftOut, initialized }: InitialWeights, printer: Printer): void {
  printer.note(`${loaded.length} tensors of the checkpoint are loaded.`)
  if (leftOut.length > 0) printer.note(`${leftOut.length} are left out: ${listFew(leftOut)}.`)
  if (initialized.length > 0) printer.note(`${initialized.length} are new: ${listFew(initialized)}.`)
}

/** The options that were given, by the names of their flags. */
function chosenOptions(command: Command): Record<string, unknown> {
  const chosen = command.options.filter((option) => {
    const source = command.getOptionValueSource(option.attributeName())
    return source !== undefined && source !== 'default' && ![...notKeys, 'out'].includes(option.name())
  })
  return Object.fromEntries(
    chosen.map((option) => [
      option.name().replace(/^no-/, ''),
      command.getOptionValue(option.attributeName()) as unknown,
    ]),
  )
}

function factsOf(command: Command, images: number, valImages: number | undefined): ReportFacts {
  const { config, resume, logJson, ...options } = command.opts<Record<string, unknown>>()
  const texts = Object.entries(options).map(([name, value]): [string, string] => [
    name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
    Array.isArray(value) ? value.join(name === 'crop' ? 'x' : ', ') : String(value),
  ])
  return [['images', `${images} for training, ${valImages ?? 0} for evaluation`], ...texts]
}
