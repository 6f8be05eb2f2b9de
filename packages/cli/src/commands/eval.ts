import { join } from 'node:path'
import { makeFolder } from '@inverseform/backbones/node'
import { classTable, type ReportComparison, type ReportImage, scoreSummary } from '@inverseform/cityscapes'
import { type Dataset, openDataset } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import {
  createSegmenter,
  type NodeSegmenter,
  type SegmentOptions,
  type WeightPrecision,
} from '@inverseform/runtime-node'
import { EdgeHeadComparison } from '../edge-head-comparison.js'
import { type EvaluatedImage, type Evaluation, evaluate } from '../evaluation.js'
import { deviceChoice, type ModelFlags, modelChoice } from '../options.js'
import { deviceName, devicesOf, noteOnDevices } from '../output/device.js'
import { writePanels } from '../output/evaluation-pictures.js'
import {
  type EvaluationReport,
  type Facts,
  namesOfClasses,
  resultsJson,
  timeText,
  writeReport,
} from '../output/evaluation-report.js'
import { writeOutput } from '../output/files.js'
import { firstFew } from '../output/first-few.js'
import { noteOnTensors } from '../output/load-report.js'
import { pngOfLabels } from '../output/pictures.js'
import { Progress } from '../progress.js'
import type { Terminal } from '../terminal.js'
import { lossText, ValidationLoss } from '../validation-loss.js'

export interface EvalFlags extends ModelFlags {
  readonly data?: string
  readonly split: string
  readonly scales?: number[]
  readonly flip?: boolean
  readonly limit?: number
  readonly out?: string
  readonly output_dir?: string
  readonly pictures: number
  readonly savePredictions?: boolean
  readonly compareEdgeHead?: boolean
  readonly loss?: boolean
  readonly inversenet?: string
  readonly inversenetPrecision: WeightPrecision
  readonly json?: boolean
}

/** Evaluates a checkpoint on a data set: scores, and on request pictures, a page and predictions. */
export async function evalCommand(flags: EvalFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { model, checkpoint, edge, classes } = modelChoice(flags)
  const folder = flags.out ?? flags.output_dir
  const dataset = await openDataset({ root: flags.data, split: flags.split })
  const samples = dataset.samples.slice(0, flags.limit)
  const scored = samples.some(({ labelIds }) => labelIds !== undefined)
  requireSomethingToDo(flags, folder, scored)
  if (folder) await makeFolder(folder)
  noteUnpaired(dataset, terminal)

  const load = { checkpoint, model, classes, ...deviceChoice(flags), signal }
  await using segmenter = await createSegmenter({ ...load, edge: edge || flags.compareEdgeHead })
  await using without = flags.compareEdgeHead ? await createSegmenter({ ...load, edge: false }) : undefined
  noteOnTensors(segmenter, terminal)
  noteOnDevices(segmenter, flags.precision, terminal)
  const edgeHead = without && new EdgeHeadComparison(without)
  const regressor = flags.inversenet
    ? { checkpoint: flags.inversenet, precision: flags.inversenetPrecision, threads: flags.threads }
    : undefined
  await using loss = flags.loss ? await ValidationLoss.create(segmenter.edge, regressor, signal) : undefined
  if (loss && segmenter.edge && !regressor) {
    terminal.err('note: The loss is without its InverseForm term: name its regressor with --inversenet.\n')
  }
  if (loss && !segmenter.edge && regressor) {
    terminal.err('note: The loss has no InverseForm term without the edge head: add --has-edge.\n')
  }
  const showEdges = folder !== undefined && segmenter.edge
  const segment: SegmentOptions = {
    scales: flags.scales,
    flip: flags.flip,
    outputs: ['labels', ...(showEdges ? (['edges'] as const) : []), ...(loss?.outputs ?? [])],
  }

  const images: ReportImage[] = []
  const progress = new Progress(terminal, 'images', samples.length)
  let tiles = 1
  const evaluation = await evaluate(segmenter, samples, {
    segment,
    signal,
    async onImage(image) {
      tiles = Math.max(tiles, image.segmentation.tiles)
      if (folder && flags.savePredictions) await writePrediction(folder, image)
      if (folder && images.length < flags.pictures) images.push(await writePanels(folder, image))
      await edgeHead?.add(image, segment)
      await loss?.add(image)
      progress.step(image.scores && `mIoU ${percent(image.confusion.compute().meanIou)}`)
    },
  }).finally(() => progress.end())
  if (tiles > 1)
    terminal.err(`note: The images were too large for memory and were run in up to ${tiles} tiles each.\n`)

  const report: EvaluationReport = {
    title: `${segmenter.model} on ${flags.split}`,
    facts: factsOf(segmenter, flags, checkpoint, dataset, samples.length, evaluation),
    evaluation,
    comparison: edgeHead?.result(evaluation.confusion),
    loss: scored ? await loss?.result() : undefined,
    images,
  }
  if (flags.json) terminal.out(resultsJson(report))
  else if (scored) printScores(report, terminal)
  if (folder) {
    await writeReport(folder, report)
    terminal.err(`Wrote ${join(folder, 'index.html')}\n`)
  }
}

function requireSomethingToDo(flags: EvalFlags, folder: string | undefined, scored: boolean): void {
  if (flags.savePredictions && !folder) {
    throw new InverseFormError(
      'invalid-argument',
      '--save-predictions was given without a folder to save to.',
      {
        hint: 'Name one with --out.',
      },
    )
  }
  if (!scored && !flags.savePredictions) {
    throw new InverseFormError(
      'invalid-dataset',
      `The split "${flags.split}" has no truth to evaluate against.`,
      {
        hint: 'Evaluate another split, or write predictions for submission with --save-predictions --out <folder>.',
      },
    )
  }
}

/** Label ids, named so that the official evaluation pairs them with their truth. */
async function writePrediction(folder: string, { sample, segmentation }: EvaluatedImage): Promise<void> {
  const path = join(folder, 'predictions', `${sample.name}_pred_labelIds.png`)
  await writeOutput(path, pngOfLabels(segmentation))
}

function noteUnpaired({ unpaired }: Dataset, terminal: Terminal): void {
  const { labelIds } = unpaired
  if (labelIds.length === 0) return
  terminal.err(`note: ${labelIds.length} label files have no image: ${firstFew(labelIds, 3)}\n`)
}

function factsOf(
  segmenter: NodeSegmenter,
  flags: EvalFlags,
  checkpoint: string,
  dataset: Dataset,
  count: number,
  evaluation: Evaluation,
): Facts {
  return [
    ['model', segmenter.model],
    ['checkpoint', checkpoint],
    ['data set', dataset.root],
    ['split', `${dataset.split}, ${count} of ${dataset.total} images`],
    ['edge head', segmenter.edge ? 'yes' : 'no'],
    ['scales', flags.scales?.join(', ') ?? 'default'],
    ['flip', flags.flip ? 'yes' : 'no'],
    ['device', deviceName(segmenter)],
    ['time', timeText(evaluation.seconds, devicesOf(segmenter))],
  ]
}

function printScores({ evaluation, comparison, loss }: EvaluationReport, terminal: Terminal): void {
  const scores = evaluation.confusion.compute()
  terminal.out(
    `${classTable(scores, { names: namesOfClasses(scores.classes.length) })}\n${scoreSummary(scores)}`,
  )
  if (loss) terminal.out(`\n${lossText(loss)}`)
  if (comparison) terminal.out(`\n${comparisonText(comparison)}`)
}

function comparisonText({ runs, differingPixels, pixels }: ReportComparison): string {
  const lines = runs.map(({ name, meanIou }) => `mean IoU ${name.padEnd(22)} ${percent(meanIou)} %\n`)
  return `${lines.join('')}labels that differ: ${differingPixels} of ${pixels} pixels\n`
}

function percent(fraction: number): string {
  return (100 * fraction).toFixed(2)
}
