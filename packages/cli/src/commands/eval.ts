import { join } from 'node:path'
import type { ReportFacts, ReportImage } from '@inverseform/cityscapes'
import { type Dataset, openDataset, type Sample } from '@inverseform/cityscapes/node'
import { InverseFormError } from '@inverseform/errors'
import {
  createInverseNet,
  createSegmenter,
  type NodeSegmenter,
  type SegmentOptions,
  type WeightPrecision,
} from '@inverseform/runtime-node'
import { listFew } from '@inverseform/shared'
import { makeFolder } from '@inverseform/shared/node'
import { type Command, Option } from 'commander'
import { EdgeHeadComparison } from '../evaluation/edge-head-comparison.js'
import { evaluateImages } from '../evaluation/evaluate-images.js'
import { Evaluation } from '../evaluation/evaluation.js'
import { ValidationLoss } from '../evaluation/validation-loss.js'
import {
  addSegmenterOptions,
  type SegmenterFlags,
  segmenterChoice,
  upstreamFlagsHelp,
} from '../options/model.js'
import { parseCount, parseCountOrZero } from '../options/parse.js'
import { writePanels, writePrediction } from '../output/evaluation/pictures.js'
import { type EvaluationReport, resultsJson, writeReport } from '../output/evaluation/report.js'
import { evaluationText, percent, timeText } from '../output/evaluation/text.js'
import { Progress } from '../output/text/progress.js'
import { deviceName, noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Terminal } from '../terminal.js'

interface EvalFlags extends SegmenterFlags {
  readonly data?: string
  readonly split: string
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

export function addEvalCommand(program: Command, terminal: Terminal, signal: AbortSignal): void {
  const command = program
    .command('eval')
    .description('Evaluate a checkpoint on a data set in the layout of Cityscapes')
  addSegmenterOptions(command)
    .option('--data <folder>', 'read this data set (default: the environment variable CITYSCAPES_DATASET)')
    .option('--split <name>', 'evaluate this split: train, val or test', 'val')
    .option('--limit <n>', 'evaluate only the first n images (default: all)', parseCount)
    .option('--out <folder>', 'write a page, results.json and pictures to this folder')
    .option('--pictures <n>', 'with --out: write pictures of the first n images', parseCountOrZero, 20)
    .option('--save-predictions', 'with --out: write PNGs of label ids for a submission')
    .option('--compare-edge-head', 'run again without the edge head, and compare the labels')
    .option('--loss', 'compute the validation loss; with the edge head, the joint loss')
    .option('--inversenet <file>', 'with --loss: checkpoint of InverseNet, for the InverseForm term')
    .addOption(
      new Option('--inversenet-precision <type>', 'store the 100 million weights of InverseNet in this type')
        .choices(['float32', 'float16', 'int8'])
        .default('float32'),
    )
    .option('--json', 'print the results as JSON')
    .addOption(new Option('--output_dir <folder>', "upstream's --out").hideHelp())
    .addHelpText(
      'after',
      `${upstreamFlagsHelp}

Example:
  inverseform eval --checkpoint hr16s_4k_slim.pth --data cityscapes --edge-head --out report`,
    )
    .action((flags: EvalFlags) => evalCommand(flags, terminal, signal))
}

/** Evaluates a checkpoint on a data set. Prints scores; with `--out`, also writes a page, pictures and predictions. */
async function evalCommand(flags: EvalFlags, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const choice = segmenterChoice(flags)
  const folder = flags.out ?? flags.output_dir
  const dataset = await openDataset({ data: flags.data, split: flags.split })
  const samples = dataset.samples.slice(0, flags.limit)
  const scored = samples.some(({ labelIds }) => labelIds !== undefined)
  checkPurpose(flags, folder, scored)
  if (folder) await makeFolder(folder)
  noteUnpaired(dataset, terminal)

  const load = { ...choice, signal }
  await using segmenter = await createSegmenter({
    ...load,
    edgeHead: choice.edgeHead || flags.compareEdgeHead,
  })
  await using without = flags.compareEdgeHead
    ? await createSegmenter({ ...load, edgeHead: false })
    : undefined
  noteOnTensors(segmenter, terminal)
  noteOnDevices(segmenter, flags.precision, terminal)
  const { edgeHead } = segmenter
  await using inverseNet = await openInverseNet(flags, edgeHead, signal)
  if (flags.loss) noteOnLoss(edgeHead, flags.inversenet, terminal)
  const loss = flags.loss ? new ValidationLoss({ edgeHead, inverseNet, signal }) : undefined
  const comparison = without && new EdgeHeadComparison(without)

  const showEdges = folder !== undefined && edgeHead
  const options: SegmentOptions = {
    scales: flags.scales,
    flip: flags.flip,
    outputs: [...(showEdges ? (['edges'] as const) : []), ...(loss?.outputs ?? [])],
    signal,
  }
  const evaluation = new Evaluation(segmenter.numClasses)
  const images: ReportImage[] = []
  const progress = new Progress(terminal, 'images', samples.length)
  try {
    for await (const image of evaluateImages(segmenter, samples, options)) {
      evaluation.add(image)
      if (folder && flags.savePredictions) await writePrediction(folder, image)
      if (folder && images.length < flags.pictures) images.push(await writePanels(folder, image))
      await comparison?.add(image, options)
      await loss?.add(image)
      progress.step(image.scores && `mIoU ${percent(evaluation.confusion.compute().meanIou)}`)
    }
  } finally {
    progress.end()
  }
  const seconds = evaluation.seconds()
  if (evaluation.tiles > 1) {
    terminal.err(
      `note: The images were too large for the memory and were cut into up to ${evaluation.tiles} tiles each.\n`,
    )
  }

  const report: EvaluationReport = {
    title: `${segmenter.model} on ${flags.split}`,
    facts: factsOf({ segmenter, flags, checkpoint: choice.checkpoint, dataset, samples, seconds }),
    evaluation,
    seconds,
    comparison: comparison?.result(evaluation.confusion),
    loss: scored ? await loss?.result() : undefined,
    images,
  }
  if (flags.json) terminal.out(resultsJson(report))
  else if (scored) terminal.out(evaluationText(report))
  if (folder) {
    await writeReport(folder, report)
    terminal.err(`Wrote ${join(folder, 'index.html')}\n`)
  }
}

function checkPurpose(flags: EvalFlags, folder: string | undefined, scored: boolean): void {
  if (flags.savePredictions && !folder) {
    throw new InverseFormError('invalid-argument', '--save-predictions needs --out.', {
      hint: 'Pass --out with the folder to write to.',
    })
  }
  if (!scored && !flags.savePredictions) {
    throw new InverseFormError(
      'invalid-dataset',
      `The split "${flags.split}" has no label files to score against.`,
      {
        hint: 'Evaluate another split, or write predictions for a submission with --save-predictions --out <folder>.',
      },
    )
  }
}

async function openInverseNet(flags: EvalFlags, edgeHead: boolean, signal: AbortSignal) {
  const { loss, inversenet: checkpoint, inversenetPrecision: precision, threads } = flags
  if (!loss || !edgeHead || !checkpoint) return undefined
  return createInverseNet({ checkpoint, precision, threads, signal })
}

function noteOnLoss(edgeHead: boolean, inverseNet: string | undefined, terminal: Terminal): void {
  if (edgeHead && !inverseNet) {
    terminal.err(
      'note: The loss has no InverseForm term. Pass --inversenet with the checkpoint of InverseNet.\n',
    )
  }
  if (!edgeHead && inverseNet) {
    terminal.err('note: The loss has no InverseForm term without the edge head. Add --edge-head.\n')
  }
}

function noteUnpaired({ unpaired: { labelIds } }: Dataset, terminal: Terminal): void {
  if (labelIds.length === 0) return
  terminal.err(`note: ${labelIds.length} label files have no image: ${listFew(labelIds, 3)}\n`)
}

interface Run {
  readonly segmenter: NodeSegmenter
  readonly flags: EvalFlags
  readonly checkpoint: string
  readonly dataset: Dataset
  readonly samples: readonly Sample[]
  readonly seconds: EvaluationReport['seconds']
}

function factsOf({ segmenter, flags, checkpoint, dataset, samples, seconds }: Run): ReportFacts {
  return [
    ['model', segmenter.model],
    ['checkpoint', checkpoint],
    ['data set', dataset.data],
    ['split', `${dataset.split}, ${samples.length} of ${dataset.total} images`],
    ['edge head', segmenter.edgeHead ? 'yes' : 'no'],
    ['scales', flags.scales?.join(', ') ?? 'default'],
    ['flip', flags.flip ? 'yes' : 'no'],
    ['device', deviceName(segmenter)],
    ['time', timeText(seconds, Math.max(1, segmenter.deviceIds.length))],
  ]
}
