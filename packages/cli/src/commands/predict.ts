import { join } from 'node:path'
import { colorize } from '@inverseform/cityscapes'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  createSegmenter,
  paint,
  type RgbImage,
  readImage,
  type Segmentation,
  type SegmentOutput,
} from '@inverseform/runtime-node'
import { listFew, readAhead, withoutPeriod } from '@inverseform/shared'
import { makeFolder, writeWholeFile } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { findImages, type InputImage, type OutputEnd, type SkippedFile, STDIN } from '../input-images.js'
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
import { Progress } from '../output/text/progress.js'
import { noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'
import { readStdin } from '../stdin.js'

const predictionKinds = ['labels', 'colors', 'overlay', 'edges', 'confidence'] as const
type PredictionKind = (typeof predictionKinds)[number]

interface PredictFlags extends SegmenterFlags {
  readonly out: string
  readonly outputs?: PredictionKind[]
  readonly json?: boolean
}

export function setUpPredict(command: Command, printer: Printer, signal: AbortSignal): void {
  command.argument(
    '<inputs...>',
    'images, folders (searched at any depth), quoted globs, or - for standard input',
  )
  addSegmenterOptions(command)
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
  const kinds = flags.outputs ?? predictionKinds.filter((kind) => kind !== 'edges' || choice.edgeHead)
  const { images, skipped } = await findImages(inputs, flags.out)
  noteSkipped(skipped, printer)
  await makeFolder(flags.out)
  await using segmenter = await createSegmenter({
    ...choice,
    checkpoint: await fetchCheckpoint(choice.checkpoint, { printer, signal, flag: '--checkpoint' }),
    edgeHead: choice.edgeHead || kinds.includes('edges'),
    workers: choice.workers ?? workersFor(images.length),
    signal,
  })
  noteOnTensors(segmenter, printer)
  noteOnDevices(segmenter, flags.precision, printer)

  const written: WrittenImage[] = []
  const failures: Failure[] = []
  const progress = new Progress(printer, 'images', images.length)
  try {
    const decoded = readAhead(images, (input) => attempt(input, () => read(input, flags.maxPixels, signal)))
    for await (const item of readAhead(decoded, segment, segmenter.workers + 1)) {
      signal.throwIfAborted()
      const done = 'error' in item ? item : await attempt(item.input, () => write(flags.out, kinds, item))
      if ('error' in done) failures.push(done)
      else written.push(done)
      progress.step()
    }
  } finally {
    progress.end()
    printer.line(
      `Wrote the predictions of ${written.length} ${written.length === 1 ? 'image' : 'images'} to ${flags.out}`,
    )
    if (flags.json) printer.json(jsonOf(flags.out, written, skipped, failures))
  }
  if (failures.length > 0) throw summaryOf(failures, images.length, printer)

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

/** Errors that other images need not have. */
const errorsOfOneImage: readonly InverseFormError['code'][] = [
  'not-found',
  'unreadable',
  'limit-exceeded',
  'size-mismatch',
  'out-of-memory',
  'write-failed',
]

/** What prevents writing any file. */
const errorsOfTheDisk = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']

/** Returns the error of an image instead of throwing it, unless all other images would have it too. */
async function attempt<T>(input: InputImage, work: () => Promise<T>): Promise<T | Failure> {
  try {
    return await work()
  } catch (error) {
    if (!isInverseFormError(error) || !errorsOfOneImage.includes(error.code)) throw error
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException
    if (code !== undefined && errorsOfTheDisk.includes(code)) throw error
    return { input, error: naming(input, error) }
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

/** Returns what `--json` prints. */
function jsonOf(
  out: string,
  written: readonly WrittenImage[],
  skipped: readonly SkippedFile[],
  failures: readonly Failure[],
): unknown {
  return {
    format: 'inverseform.predictions',
    version: 1,
    out,
    images: written,
    skipped,
    failed: failures.map(({ input, error: { code, message, hint } }) => ({
      image: input.path,
      code,
      message,
      hint,
    })),
  }
}

function networkOutputs(kinds: readonly PredictionKind[]): SegmentOutput[] {
  return ['labels', ...kinds.filter((kind) => kind === 'edges' || kind === 'confidence')]
}

interface Prediction extends Decoded {
  readonly segmentation: Segmentation
}

interface WrittenImage {
  readonly image: string
  readonly width: number
  readonly height: number
  /** The path of each kind of output. */
  readonly files: Readonly<Partial<Record<PredictionKind, string>>>
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
  const files = await Promise.all(
    kinds.map(async (kind) => {
      const path = join(folder, input.stem + fileEnds[kind])
      await writeWholeFile(path, await encoded(path, encoders[kind]))
      return [kind, path] as const
    }),
  )
  return { image: input.path, width, height, files: Object.fromEntries(files) }
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
