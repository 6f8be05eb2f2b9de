import { join } from 'node:path'
import { makeFolder } from '@inverseform/backbones/node'
import { colourise, edgeImage, overlay } from '@inverseform/cityscapes'
import { InverseFormError, isInverseFormError } from '@inverseform/errors'
import {
  createSegmenter,
  type RgbImage,
  readImage,
  type Segmentation,
  type SegmentOutput,
} from '@inverseform/runtime-node'
import { findImages, type InputImage } from '../inputs.js'
import { loadAhead } from '../load-ahead.js'
import { deviceChoice, type ModelFlags, modelChoice } from '../options.js'
import { devicesOf, noteOnDevices } from '../output/device.js'
import { writeOutput } from '../output/files.js'
import { noteOnTensors } from '../output/load-report.js'
import { jpegOfRgb, pngOfLabels, pngOfRgb, pngOfUnit } from '../output/pictures.js'
import { Progress } from '../progress.js'
import type { Terminal } from '../terminal.js'

export const predictionKinds = ['labels', 'colours', 'overlay', 'edges', 'confidence'] as const
export type PredictionKind = (typeof predictionKinds)[number]

export interface PredictFlags extends ModelFlags {
  readonly out: string
  readonly outputs?: PredictionKind[]
  readonly scales?: number[]
  readonly flip?: boolean
}

/** Segments images and writes what was asked for beside one another. Images that cannot be read are named at the end. */
export async function predictCommand(
  inputs: readonly string[],
  flags: PredictFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { model, checkpoint, edge, classes } = modelChoice(flags)
  const kinds = flags.outputs ?? predictionKinds.filter((kind) => kind !== 'edges' || edge)
  const images = await findImages(inputs, flags.out)
  await makeFolder(flags.out)
  await using segmenter = await createSegmenter({
    checkpoint,
    model,
    classes,
    edge: edge || kinds.includes('edges'),
    ...deviceChoice(flags),
    signal,
  })
  noteOnTensors(segmenter, terminal)
  noteOnDevices(segmenter, flags.precision, terminal)
  const options = { outputs: networkOutputs(kinds), scales: flags.scales, flip: flags.flip, signal }

  const failures: InverseFormError[] = []
  const progress = new Progress(terminal, 'images', images.length)
  try {
    const decoded = loadAhead(images, read)
    for await (const item of loadAhead(decoded, segmented, devicesOf(segmenter))) {
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
  if (failures.length > 0) throw failureOf(failures, images.length)

  async function segmented(item: Read) {
    if ('error' in item) return item
    signal.throwIfAborted()
    return { ...item, segmentation: await segmenter.segment(item.image, options) }
  }
}

type Read = { readonly input: InputImage; readonly image: RgbImage } | { readonly error: InverseFormError }

/** One bad image among many must not end the work: its error is kept. */
async function read(input: InputImage): Promise<Read> {
  try {
    return { input, image: await readImage(input.path) }
  } catch (error) {
    if (isInverseFormError(error)) return { error }
    throw error
  }
}

function failureOf(failures: readonly InverseFormError[], total: number): InverseFormError {
  if (failures.length === 1) return failures[0]
  const messages = failures.map(({ message }) => message)
  return new InverseFormError(
    'unreadable',
    `${failures.length} of ${total} images were not read:\n  ${messages.join('\n  ')}`,
    {
      hint: failures[0].hint,
    },
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

async function write(
  folder: string,
  kinds: readonly PredictionKind[],
  { input, image, segmentation }: Prediction,
): Promise<void> {
  const { width, height, labels, edges, confidence } = segmentation
  const ids = labels as Uint8Array
  const encoders: Record<PredictionKind, () => Promise<Uint8Array>> = {
    labels: async () => pngOfLabels(segmentation),
    colours: () => pngOfRgb(colourise(ids), width, height),
    overlay: () => jpegOfRgb(overlay(image.data, ids), width, height),
    edges: () => pngOfRgb(edgeImage(edges as Float32Array), width, height),
    confidence: () => pngOfUnit(confidence as Float32Array, width, height),
  }
  const names: Record<PredictionKind, string> = {
    labels: '_labelIds.png',
    colours: '_colours.png',
    overlay: '_overlay.jpg',
    edges: '_edges.png',
    confidence: '_confidence.png',
  }
  await Promise.all(
    kinds.map(async (kind) => writeOutput(join(folder, input.stem + names[kind]), await encoders[kind]())),
  )
}
