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
import { networkSettings } from '../evaluation/settings.js'
import { findImages, type InputImage, type OutputEnd, type SkippedFile, STDIN } from '../input-images.js'
import { ImagesSkipped, isOfOneImage, type OnError, onErrorOption } from '../on-error.js'
import { fetchCheckpoint } from '../options/checkpoint.js'
import {
  addSegmenterOptions,
  type SegmenterFlags,
  segmenterChoice,
  upstreamFlagsHelp,
  workersFor,
} from '../options/model.js'
import { parseWords } from '../options/parse.js'
import { photoExtension, photoOfRgb, pngOfLabels, pngOfRgb, pngOfUnit } from '../output/images.js'
import { outputPalette } from '../output/palettes.js'
import { afterError, partialOf } from '../output/text/early-end.js'
import { Progress } from '../output/text/progress.js'
import { noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
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
import { readStdin } from '../stdin.js'

const predictionKinds = ['labels', 'colors', 'overlay', 'edges', 'confidence'] as const
type PredictionKind = (typeof predictionKinds)[number]

interface PredictFlags extends SegmenterFlags, RunFlags {
  readonly onError?: OnError
  readonly out: string
  readonly outputs?: PredictionKind[]
  readonly json?: boolean
}

export function setUpPredict(command: Command, printer: Printer, signal: AbortSignal): void {
  command.argument(
    '<inputs...>',
    'images, folders (searched at any depth), quoted globs, or - for standard input',
  )
  addRunOptions(addSegmenterOptions(command))
    .addOption(
      onErrorOption(
        'when an image fails: stop, or skip it with an exit code of its own (default: go on, and end with its error)',
      ),
    )
    .option('--out <folder>', 'write to this folder', 'predictions')
    .option(
      '--outputs <kinds>',
      `write these: ${predictionKinds.join(', ')} (default: all; edges only with --edge-head)`,
      parseWords(predictionKinds),
    )
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

/**
 * Segments images and writes the results. An image that cannot be read, segmented or written is reported at the end,
 * and the others are kept.
 */
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
  if (toDo.length < images.length) {
    printer.note(`${images.length - toDo.length} of ${images.length} images are done already.`)
  }

  const failures: Failure[] = []
  const progress = new Progress(printer, 'images', images.length, images.length - toDo.length)
  const finish = (error?: unknown) => {
    progress.end()
    const written = images.filter(isDone).map(({ path }) => writtenJson(folder, state.total.get(path)!))
    const [{ length: scored }, { length: total }] = [written, images]
    printer.line(`Wrote the predictions of ${scored} ${scored === 1 ? 'image' : 'images'} to ${folder}`)
    const partial = error === undefined ? undefined : partialOf(error, signal, { scored, total })
    if (flags.json) printer.json(jsonOf(folder, { written, skipped, failures, partial }))
  }
  try {
    const decoded = readAhead(toDo, (input) => attempt(input, () => read(input, flags.maxPixels, signal)))
    for await (const item of readAhead(decoded, segment, segmenter.workers + 1)) {
      signal.throwIfAborted()
      const done = 'error' in item ? item : await attempt(item.input, () => write(folder, kinds, item))
      if ('error' in done) {
        if (flags.onError === 'stop') throw done.error
        failures.push(done)
      } else {
        const { image, stem, ends } = done
        const outputs = Object.values(ends).map((end) => stem + end)
        const bytes = image === STDIN ? [] : await sizesOf([image])
        await state.add([{ name: image, bytes, outputs }], (to) => to.add(done))
      }
      progress.step()
    }
    await state.flush()
  } catch (error) {
    await afterError(printer, () => state.flush())
    finish(error)
    if (state.size > 0) printer.line('Run again with --resume to go on from there.')
    throw error
  }
  finish()
  // Images that were skipped can be tried again with --resume. Without these flags, nobody asked for a state.
  if (resume || (flags.onError === 'skip' && failures.length > 0)) await state.finish()
  else await state.remove()
  if (failures.length === 0) return
  if (flags.onError !== 'skip' || failures.length === images.length) {
    throw summaryOf(failures, images.length, printer)
  }
  for (const { error } of failures) printer.line(`skipped: ${error.message}`)
  throw new ImagesSkipped(
    failures.map(({ input }) => ({ name: input.path })),
    images.length,
  )

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
}

interface Failure {
  readonly input: InputImage
  readonly error: InverseFormError
}

async function read(input: InputImage, maxPixels: number | undefined, signal: AbortSignal): Promise<Decoded> {
  const source = input.path === STDIN ? await readStdin(signal) : input.path
  return { input, image: await readImage(source, { maxPixels }) }
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

/** Prints each failure if there are several, and returns the error of the command. */
function summaryOf(failures: readonly Failure[], total: number, printer: Printer): InverseFormError {
  const [{ error }] = failures
  if (failures.length === 1) return error
  for (const failure of failures) printer.line(`failed: ${failure.error.message}`)
  return new InverseFormError(error.code, `${failures.length} of ${total} images could not be segmented.`, {
    hint: error.hint,
    details: error.details,
  })
}

interface Outcome {
  readonly written: readonly ReturnType<typeof writtenJson>[]
  readonly skipped: readonly SkippedFile[]
  readonly failures: readonly Failure[]
  /** How far the run got, if it ended early. */
  readonly partial?: ReportPartial
}

/** Returns what `--json` prints. */
const jsonOf = (out: string, { written, skipped, failures, partial }: Outcome): unknown => ({
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
})

/** Returns an image with the path of each kind of output. */
function writtenJson(folder: string, { image, stem, width, height, ends }: WrittenImage) {
  const files = Object.entries(ends).map(([kind, end]) => [kind, join(folder, stem + end)])
  return { image, width, height, files: Object.fromEntries(files) as Readonly<Record<string, string>> }
}

function networkOutputs(kinds: readonly PredictionKind[]): SegmentOutput[] {
  return ['labels', ...kinds.filter((kind) => kind === 'edges' || kind === 'confidence')]
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
  const fileEnds: Readonly<Record<PredictionKind, OutputEnd>> = {
    labels: '_labelIds.png',
    colors: '_colors.png',
    overlay: `_overlay.${photoExtension(width, height)}`,
    edges: '_edges.png',
    confidence: '_confidence.png',
  }
  const ends = await Promise.all(
    kinds.map(async (kind) => {
      const path = join(folder, input.stem + fileEnds[kind])
      await writeWholeFile(path, await encoded(path, encoders[kind]))
      return [kind, fileEnds[kind]] as const
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
