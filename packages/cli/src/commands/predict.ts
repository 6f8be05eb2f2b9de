import { join } from 'node:path'
import { colorize, type ReportPartial } from '@inverseform/cityscapes'
import { InverseFormError } from '@inverseform/errors'
import {
  createSegmenter,
  paint,
  type RgbImage,
  readImage,
  type Segmentation,
  type SegmentOutput,
} from '@inverseform/runtime-node'
import { listFew, readAhead, withoutPeriod } from '@inverseform/shared'
import { sha256Of, writeWholeFile } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { secondsSince } from '../evaluation/evaluate-images.js'
import { networkSettings } from '../evaluation/settings.js'
import type { Seconds } from '../event-log.js'
import { findImages, type InputImage, type OutputEnd, type SkippedFile, STDIN } from '../input-images.js'
import {
  addOnErrorOption,
  checkSomeDone,
  ImagesSkipped,
  isOfOneImage,
  type OnError,
  skippedImage,
} from '../on-error.js'
import { fetchCheckpoint } from '../options/checkpoint.js'
import { addLogOption } from '../options/log.js'
import {
  addSegmenterOptions,
  type SegmenterFlags,
  segmenterChoice,
  upstreamFlagsHelp,
  workersFor,
} from '../options/model.js'
import { parseWords } from '../options/parse.js'
import { photoExtension, photoOfRgb, pngOfLabels, pngOfRgb, pngOfUnit } from '../output/images.js'
import { isForeign, marked } from '../output/marks.js'
import { outputPalette } from '../output/palettes.js'
import { afterError, noteHowToGoOn, partialOf } from '../output/text/early-end.js'
import { deviceName, noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
import { type WrittenImage, WrittenImages } from '../predict-state.js'
import type { Printer } from '../printer.js'
import { openState } from '../state/open-state.js'
import {
  addRunOptions,
  checkFolder,
  checkRunFlags,
  holdFolder,
  type RunFlags,
} from '../state/output-folder.js'
import { sizesOf } from '../state/run-state.js'
import { startImages } from '../state/start-images.js'
import { readStdin } from '../stdin.js'

const predictionKinds = ['labels', 'colors', 'overlay', 'edges', 'confidence'] as const
type PredictionKind = (typeof predictionKinds)[number]

interface PredictFlags extends SegmenterFlags, RunFlags {
  readonly onError: OnError
  readonly overwrite?: boolean
  readonly out: string
  readonly outputs?: PredictionKind[]
  readonly json?: boolean
}

export function setUpPredict(command: Command, printer: Printer, signal: AbortSignal): void {
  command.argument(
    '<inputs...>',
    'images, folders (searched at any depth), quoted globs, or - for standard input',
  )
  addLogOption(addRunOptions(addOnErrorOption(addSegmenterOptions(command), 'read, segmented or written')))
    .option('--out <folder>', 'write to this folder', 'predictions')
    .option(
      '--outputs <kinds>',
      `write these: ${predictionKinds.join(', ')} (default: all; edges only with --edge-head)`,
      parseWords(predictionKinds),
    )
    .option('--overwrite', 'replace files that predict did not write, or that were changed since')
    .option('--json', 'print as JSON what was written, skipped and not segmented')
    .addHelpText(
      'after',
      `${upstreamFlagsHelp}

Examples:
  inverseform predict photos/ --checkpoint hrnet16-slim
  inverseform predict "photos/**/*.jpg" --checkpoint hrnet16-slim --outputs labels,overlay --out out

In a clone of the repository, with its data:
  inverseform predict tools/demo/cityscapes/leftImg8bit --checkpoint checkpoints/hrnet16-slim-demo.pth --out demo-output/predict`,
    )
    .action((inputs: string[], flags: PredictFlags) => predictCommand(inputs, flags, printer, signal))
}

/** The folder of the state, below the output folder, which may be the user's own: hidden files are no inputs. */
const STATE = '.inverseform'

/** Segments images and writes the results. */
async function predictCommand(
  inputs: readonly string[],
  flags: PredictFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const choice = segmenterChoice(flags)
  checkRunFlags(flags, flags.out)
  const kinds = flags.outputs ?? predictionKinds.filter((kind) => kind !== 'edges' || choice.edgeHead)
  const { images, skipped } = await findImages(inputs, flags.out)
  noteSkipped(skipped, printer)
  await using output = await holdFolder(flags.out, { printer, signal })
  const { folder } = output
  const { resume, restart } = flags
  const stored = await checkFolder({
    ...{ folder, state: join(folder, STATE), outputs: [], resume, restart },
    isOurs: async () => false,
  })
  if (!flags.overwrite) await checkReplaceable(folder, kinds, images)
  const checkpoint = await fetchCheckpoint(choice.checkpoint, { printer, signal, flag: '--checkpoint' })
  await using segmenter = await createSegmenter({
    ...choice,
    checkpoint,
    edgeHead: choice.edgeHead || kinds.includes('edges'),
    workers: choice.workers ?? workersFor(images.length),
    signal,
  })
  noteOnTensors(segmenter, printer)
  noteOnDevices(segmenter, flags.precision, printer)
  const paths = new Set(images.map(({ path }) => path))
  const settings = {
    ...networkSettings(flags, segmenter, await sha256Of(checkpoint, signal)),
    'kinds of outputs': kinds,
  }
  const state = await openState({
    ...{
      command: 'predict',
      output,
      state: join(folder, STATE),
      stored,
      settings,
      images: [...paths],
      printer,
    },
    kind: { create: () => new WrittenImages(), fromJSON: WrittenImages.fromJSON },
    filesOf: (path) => (paths.has(path) ? [path] : undefined),
  })
  const isDone = ({ path, stem }: InputImage) => state.total.get(path)?.stem === stem
  // Standard input has another image each time.
  const toDo = images.filter((input) => input.path === STDIN || !isDone(input))
  const progress = startImages(printer, {
    command: 'predict',
    run: state.id,
    images: images.length,
    done: images.length - toDo.length,
    model: segmenter.model,
    checkpoint: choice.checkpoint,
    device: deviceName(segmenter),
    workers: segmenter.workers,
  })
  const failures: Failure[] = []
  const finish = (error?: unknown) => {
    progress.end()
    const written = images.filter(isDone).map(({ path }) => writtenJson(folder, state.total.get(path)!))
    const [{ length: scored }, { length: total }] = [written, images]
    printer.line(`Wrote the predictions of ${scored} ${scored === 1 ? 'image' : 'images'} to ${folder}`)
    const partial = error === undefined ? undefined : partialOf(error, signal, { scored, total })
    const { stages, seconds: all = 0 } = printer.log.totals ?? {}
    const seconds = { ...stages, total: all }
    if (flags.json) printer.json(jsonOf(folder, { written, skipped, failures, seconds, partial }))
  }
  try {
    const decoded = readAhead(toDo, (input) => attempt(input, () => read(input, flags.maxPixels, signal)))
    for await (const item of readAhead(decoded, segment, segmenter.workers + 1)) {
      signal.throwIfAborted()
      const started = performance.now()
      const done = 'error' in item ? item : await attempt(item.input, () => write(folder, kinds, item))
      if ('error' in done) {
        failures.push(done)
        if (flags.onError === 'stop') throw done.error
        printer.log.imageSkipped(done.input.path, done.error)
      } else {
        const { image, stem, ends } = done
        const outputs = Object.values(ends).map((end) => stem + end)
        const bytes = image === STDIN ? [] : await sizesOf([image])
        await state.add([{ name: image, bytes, outputs }], (to) => to.add(done))
        printer.log.imageDone(image, { ...secondsOf(item as Prediction), write: secondsSince(started) })
      }
      progress.step()
    }
    await state.flush()
  } catch (error) {
    await afterError(printer, () => (state.size > 0 ? state.flush() : state.remove()))
    finish(error)
    noteHowToGoOn(printer, error, { done: state.size, total: images.length, onError: flags.onError })
    throw error
  }
  finish()
  // Images that were skipped can be tried again with --resume. Without these flags, nobody asked for a state.
  if (resume || failures.length > 0) await state.finish()
  else await state.remove()
  if (failures.length === 0) return
  // The log has them already.
  if (!printer.log.isOn) for (const { error } of failures) printer.line(`skipped: ${error.message}`)
  const without = failures.map(({ input, error }) => skippedImage(input.path, error))
  checkSomeDone(without, images.length)
  throw new ImagesSkipped(without, images.length)

  async function segment(item: Decoded | Failure) {
    if ('error' in item) return item
    signal.throwIfAborted()
    const options = { outputs: networkOutputs(kinds), scales: flags.scales, flip: flags.flip, signal }
    return attempt(item.input, async () => ({
      ...item,
      segmentation: await segmenter.segment(item.image, options),
    }))
  }
}

interface Decoded {
  readonly input: InputImage
  readonly image: RgbImage
  readonly decodeSeconds: number
}

interface Failure {
  readonly input: InputImage
  readonly error: InverseFormError
}

async function read(input: InputImage, maxPixels: number | undefined, signal: AbortSignal): Promise<Decoded> {
  const started = performance.now()
  const source = input.path === STDIN ? await readStdin(signal) : input.path
  const image = await readImage(source, { maxPixels })
  return { input, image, decodeSeconds: secondsSince(started) }
}

/** Returns the seconds of the stages before an image is written. */
function secondsOf({ decodeSeconds, segmentation: { timings } }: Prediction): Seconds {
  const { preprocess, network, postprocess } = timings
  return {
    decode: decodeSeconds,
    preprocess: preprocess / 1000,
    network: network / 1000,
    postprocess: postprocess / 1000,
  }
}

/** Returns the error of an image instead of throwing it, unless all other images would have it too. */
async function attempt<T>(input: InputImage, work: () => Promise<T>): Promise<T | Failure> {
  try {
    return await work()
  } catch (error) {
    if (isOfOneImage(error)) return { input, error: naming(input, error) }
    throw error
  }
}

/** Puts the image into an error that does not name it. */
function naming({ path }: InputImage, error: InverseFormError): InverseFormError {
  const { code, message, hint, details } = error
  if (message.includes(path) && path !== STDIN) return error
  const name = path === STDIN ? 'Standard input' : path
  return new InverseFormError(code, `${name}: ${message}`, { hint, details, cause: error })
}

function noteSkipped(skipped: readonly SkippedFile[], printer: Printer): void {
  for (const reason of new Set(skipped.map((file) => file.reason))) {
    const paths = skipped.filter((file) => file.reason === reason).map(({ path }) => path)
    printer.note(
      `${paths.length} ${paths.length === 1 ? 'file was' : 'files were'} skipped, ${reason}: ${listFew(paths)}`,
    )
  }
}

/** @throws InverseFormError `invalid-argument` if outputs would replace files that no run of predict wrote */
async function checkReplaceable(
  folder: string,
  kinds: readonly PredictionKind[],
  images: readonly InputImage[],
): Promise<void> {
  const ends = kinds.flatMap((kind) => possibleEnds[kind])
  const paths = images.flatMap(({ stem }) => ends.map((end) => join(folder, stem + end)))
  const foreign: string[] = []
  for await (const path of readAhead(paths, async (path) => ((await isForeign(path)) ? path : ''), 32)) {
    if (path !== '') foreign.push(path)
  }
  if (foreign.length === 0) return
  const [verb, them] = foreign.length === 1 ? ['exists', 'it'] : ['exist', 'them']
  throw new InverseFormError(
    'invalid-argument',
    `${listFew(foreign, 3)} ${verb} already, and predict did not write ${them}.`,
    {
      hint: `Choose another --out, or pass --overwrite to replace ${them}.`,
      details: { folder, files: foreign },
    },
  )
}

interface Outcome {
  readonly written: readonly ReturnType<typeof writtenJson>[]
  readonly skipped: readonly SkippedFile[]
  readonly failures: readonly Failure[]
  /** Of each stage, summed over the images of this process, and in all. */
  readonly seconds: Seconds
  /** How far the run got, if it ended early. */
  readonly partial?: ReportPartial
}

/** Returns what `--json` prints. */
const jsonOf = (out: string, { written, skipped, failures, seconds, partial }: Outcome): unknown => ({
  format: 'inverseform.predictions',
  version: 1,
  partial,
  out,
  images: written,
  skipped,
  failed: failures.map(({ input, error: { code, message, hint } }) => ({
    image: input.path,
    code,
    message,
    hint,
  })),
  seconds,
})

/** Returns an image with the path of each kind of output. */
function writtenJson(folder: string, { image, stem, width, height, ends }: WrittenImage) {
  const files = Object.entries(ends).map(([kind, end]) => [kind, join(folder, stem + end)])
  return { image, width, height, files: Object.fromEntries(files) as Readonly<Record<string, string>> }
}

function networkOutputs(kinds: readonly PredictionKind[]): SegmentOutput[] {
  return ['labels', ...kinds.filter((kind) => kind === 'edges' || kind === 'confidence')]
}

/** The ends of the names of outputs. Overlays of photographs are JPEGs if those can be as large. */
const possibleEnds: Readonly<Record<PredictionKind, readonly OutputEnd[]>> = {
  labels: ['_labelIds.png'],
  colors: ['_colors.png'],
  overlay: ['_overlay.jpg', '_overlay.png'],
  edges: ['_edges.png'],
  confidence: ['_confidence.png'],
}

interface Prediction extends Decoded {
  readonly segmentation: Segmentation
}

async function write(
  folder: string,
  kinds: readonly PredictionKind[],
  { input, image, segmentation }: Prediction,
): Promise<WrittenImage> {
  const { width, height, edges, confidence } = segmentation
  // The network computes labels for every kind, and the other maps for theirs.
  const labels = segmentation.labels as NonNullable<Segmentation['labels']>
  const palette = outputPalette(segmentation.numClasses)
  const encoders: Readonly<Record<PredictionKind, () => Promise<Uint8Array>>> = {
    labels: () => pngOfLabels({ ...segmentation, labels }),
    colors: () => pngOfRgb(colorize(labels, palette), width, height),
    overlay: () =>
      photoOfRgb(paint(image, { ...segmentation, labels }, { colors: palette }).data, width, height),
    edges: () => pngOfUnit(edges as Float32Array, width, height),
    confidence: () => pngOfUnit(confidence as Float32Array, width, height),
  }
  const photo = photoExtension(width, height)
  const ends = await Promise.all(
    kinds.map(async (kind) => {
      const end = possibleEnds[kind].find((possible) => possible.endsWith(photo)) ?? possibleEnds[kind][0]
      const path = join(folder, input.stem + end)
      await writeWholeFile(path, marked(await encoded(path, encoders[kind])))
      return [kind, end] as const
    }),
  )
  return { image: input.path, stem: input.stem, width, height, ends: Object.fromEntries(ends) }
}

async function encoded(path: string, encode: () => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await encode()
  } catch (cause) {
    const message = (cause as Error).message.split('\n')[0]
    throw new InverseFormError('write-failed', `${path} could not be encoded: ${withoutPeriod(message)}.`, {
      hint: 'Omit this kind of output: see --outputs.',
      details: { path },
      cause,
    })
  }
}
