import { join } from 'node:path'
import { colorize, edgeImage, overlay } from '@inverseform/cityscapes'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  createSegmenter,
  type RgbImage,
  readImage,
  type Segmentation,
  type SegmentOutput,
} from '@inverseform/runtime-node'
import { readAhead } from '@inverseform/shared'
import { makeFolder, writeWholeFile } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { findImages, type InputImage } from '../input-images.js'
import {
  addSegmenterOptions,
  type SegmenterFlags,
  segmenterChoice,
  upstreamFlagsHelp,
} from '../options/model.js'
import { parseWords } from '../options/parse.js'
import { jpegOfRgb, pngOfLabels, pngOfRgb, pngOfUnit } from '../output/images.js'
import { Progress } from '../output/text/progress.js'
import { noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Terminal } from '../terminal.js'

const predictionKinds = ['labels', 'colors', 'overlay', 'edges', 'confidence'] as const
type PredictionKind = (typeof predictionKinds)[number]

interface PredictFlags extends SegmenterFlags {
  readonly out: string
  readonly outputs?: PredictionKind[]
}

export function addPredictCommand(program: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = program
    .command('predict')
    .description('Segment images')
    .argument('<inputs...>', 'images, folders (searched at any depth) or quoted globs')
  addSegmenterOptions(command)
    .option('--out <folder>', 'write to this folder', 'predictions')
    .option(
      '--outputs <kinds>',
      `write these: ${predictionKinds.join(', ')} (default: all; edges only with --edge-head)`,
      parseWords(predictionKinds),
    )
    .addHelpText(
      'after',
      `${upstreamFlagsHelp}

Examples:
  inverseform predict photos/ --checkpoint hr16s_4k_slim.pth
  inverseform predict "photos/**/*.jpg" --checkpoint hr16s_4k_slim.pth --outputs labels,overlay --out out`,
    )
    .action((inputs: string[], flags: PredictFlags) => predictCommand(inputs, flags, terminal, signal))
}

/** Segments images and writes the results. Images that cannot be read are reported at the end. */
async function predictCommand(
  inputs: readonly string[],
  flags: PredictFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const choice = segmenterChoice(flags)
  const kinds = flags.outputs ?? predictionKinds.filter((kind) => kind !== 'edges' || choice.edgeHead)
  const images = await findImages(inputs, flags.out)
  await makeFolder(flags.out)
  await using segmenter = await createSegmenter({
    ...choice,
    edgeHead: choice.edgeHead || kinds.includes('edges'),
    signal,
  })
  noteOnTensors(segmenter, terminal)
  noteOnDevices(segmenter, flags.precision, terminal)

  const failures: InverseFormError[] = []
  const progress = new Progress(terminal, 'images', images.length)
  try {
    const decoded = readAhead(images, read)
    for await (const item of readAhead(decoded, segment, Math.max(1, segmenter.deviceIds.length))) {
      signal.throwIfAborted()
      if ('error' in item) failures.push(item.error)
      else await write(flags.out, kinds, item)
      progress.step()
    }
  } finally {
    progress.end()
  }
  const written = images.length - failures.length
  terminal.err(`Wrote the predictions of ${written} ${written === 1 ? 'image' : 'images'} to ${flags.out}\n`)
  if (failures.length > 0) throw summaryOf(failures, images.length)

  async function segment(item: Decoded) {
    if ('error' in item) return item
    signal.throwIfAborted()
    const options = { outputs: networkOutputs(kinds), scales: flags.scales, flip: flags.flip, signal }
    return { ...item, segmentation: await segmenter.segment(item.image, options) }
  }
}

type Decoded = { readonly input: InputImage; readonly image: RgbImage } | { readonly error: InverseFormError }

/** Reads an image. Returns the error of an image that cannot be read, since the others must still be segmented. */
async function read(input: InputImage): Promise<Decoded> {
  try {
    return { input, image: await readImage(input.path) }
  } catch (error) {
    if (isInverseFormError(error)) return { error }
    throw error
  }
}

function summaryOf(failures: readonly InverseFormError[], total: number): InverseFormError {
  if (failures.length === 1) return failures[0]
  const messages = failures.map(({ message }) => message)
  return new InverseFormError(
    'unreadable',
    `${failures.length} of ${total} images could not be read:\n  ${messages.join('\n  ')}`,
    { hint: failures[0].hint },
  )
}

function networkOutputs(kinds: readonly PredictionKind[]): SegmentOutput[] {
  return ['labels', ...kinds.filter((kind) => kind === 'edges' || kind === 'confidence')]
}

interface Prediction {
  readonly input: InputImage
  readonly image: RgbImage
  readonly segmentation: Segmentation
}

const fileEnds: Readonly<Record<PredictionKind, string>> = {
  labels: '_labelIds.png',
  colors: '_colors.png',
  overlay: '_overlay.jpg',
  edges: '_edges.png',
  confidence: '_confidence.png',
}

async function write(
  folder: string,
  kinds: readonly PredictionKind[],
  { input, image, segmentation }: Prediction,
): Promise<void> {
  const { width, height, edges, confidence } = segmentation
  // The network computes labels for every kind, and the other maps for theirs.
  const labels = segmentation.labels as NonNullable<Segmentation['labels']>
  const encoders: Readonly<Record<PredictionKind, () => Promise<Uint8Array>>> = {
    labels: async () => pngOfLabels({ ...segmentation, labels }),
    colors: () => pngOfRgb(colorize(labels), width, height),
    overlay: () => jpegOfRgb(overlay(image.data, labels), width, height),
    edges: () => pngOfRgb(edgeImage(edges as Float32Array), width, height),
    confidence: () => pngOfUnit(confidence as Float32Array, width, height),
  }
  await Promise.all(
    kinds.map(async (kind) => {
      await writeWholeFile(join(folder, input.stem + fileEnds[kind]), await encoders[kind]())
    }),
  )
}
