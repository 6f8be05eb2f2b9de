import { join } from 'node:path'
import type { ReportFacts, ReportImage } from '@inverseform/cityscapes'
import type { Dataset, Sample } from '@inverseform/cityscapes/node'
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
import {
  addDataOptions,
  checkDataFlags,
  type DataFlags,
  isPlain,
  openSamples,
  plainOptions,
} from '../evaluation/data-flags.js'
import { EdgeHeadComparison } from '../evaluation/edge-head-comparison.js'
import { evaluateImages } from '../evaluation/evaluate-images.js'
import { Evaluation } from '../evaluation/evaluation.js'
import { cityscapesClasses, plainClasses, readIds, type ScoredClasses } from '../evaluation/scored-classes.js'
import { ValidationLoss } from '../evaluation/validation-loss.js'
import { fetchCheckpoint } from '../options/checkpoint.js'
import { noteOnTable, readClassNames } from '../options/class-names.js'
import {
  addSegmenterOptions,
  type SegmenterFlags,
  segmenterChoice,
  upstreamFlagsHelp,
  workersFor,
} from '../options/model.js'
import { parseCount, parseCountOrZero } from '../options/parse.js'
import { namesOfClasses, numberedClasses } from '../output/class-names.js'
import { stemsOf, writePanels, writePrediction } from '../output/evaluation/pictures.js'
import { type EvaluationReport, resultsJson, writeReport } from '../output/evaluation/report.js'
import { evaluationText, percent, timeText } from '../output/evaluation/text.js'
import { Progress } from '../output/text/progress.js'
import { deviceName, noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'

interface EvalFlags extends SegmenterFlags, DataFlags {
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

export function setUpEval(command: Command, printer: Printer, signal: AbortSignal): void {
  addDataOptions(addSegmenterOptions(command))
    .option('--limit <n>', 'evaluate only the first n images (default: all)', parseCount)
    .option('--out <folder>', 'write a page, results.json and pictures to this folder')
    .option('--pictures <n>', 'with --out: write pictures of the first n images', parseCountOrZero, 20)
    .option('--save-predictions', 'with --out: write PNGs of label ids for a submission')
    .option('--compare-edge-head', 'run again without the edge head, and compare the labels')
    .option('--loss', 'compute the validation loss; with the edge head, the joint loss')
    .option(
      '--inversenet <name>',
      'with --loss: inversenet, or a URL or file of another InverseNet, for the InverseForm term',
    )
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
  inverseform eval --checkpoint hrnet16-slim --data cityscapes --edge-head --out report

In a clone of the repository, with its data:
  inverseform eval --checkpoint checkpoints/hrnet16-slim-demo.pth --data tools/demo/cityscapes --save-predictions --out demo-output/eval`,
    )
    .action((flags: EvalFlags) => evalCommand(flags, printer, signal))
}

/** Evaluates a checkpoint on a data set. Prints scores; with `--out`, also writes a page, pictures and predictions. */
async function evalCommand(flags: EvalFlags, printer: Printer, signal: AbortSignal): Promise<void> {
  const choice = segmenterChoice(flags)
  const ids = flags.ids === undefined ? undefined : await readIds(flags.ids)
  const folder = flags.out ?? flags.output_dir
  checkDataFlags(flags)
  const named = flags.classNames === undefined ? undefined : await readClassNames(flags.classNames)
  const dataset = await openSamples(flags, folder)
  const samples = dataset.samples.slice(0, flags.limit)
  const scored = samples.some(({ labelIds }) => labelIds !== undefined)
  checkPurpose(flags, folder, scored)
  if (folder) await makeFolder(folder)
  noteUnpaired(dataset, flags, printer)

  const checkpoint = await fetchCheckpoint(choice.checkpoint, { printer, signal, flag: '--checkpoint' })
  const load = { ...choice, checkpoint, workers: choice.workers ?? workersFor(samples.length), signal }
  await using segmenter = await createSegmenter({
    ...load,
    edgeHead: choice.edgeHead || flags.compareEdgeHead,
  })
  await using without = flags.compareEdgeHead
    ? await createSegmenter({ ...load, edgeHead: false })
    : undefined
  noteOnTensors(segmenter, printer)
  const { numClasses: outputs } = segmenter
  const classes = isPlain(flags)
    ? plainClasses(outputs, plainOptions(flags, named))
    : cityscapesClasses(outputs, ids)
  const names =
    named?.names ??
    (isPlain(flags) ? numberedClasses(classes.numClasses) : namesOfClasses(classes.numClasses))
  const tableNote = named && noteOnTable(named, flags)
  if (tableNote) printer.note(tableNote)
  if (classes.note) printer.note(`The ${outputs} outputs are ${classes.note}.`)
  checkLoss(flags, classes)
  noteOnDevices(segmenter, flags.precision, printer)
  const { edgeHead } = segmenter
  await using inverseNet = await openInverseNet(flags, edgeHead, printer, signal)
  if (flags.loss) noteOnLoss(edgeHead, flags.inversenet, printer)
  const loss = flags.loss ? new ValidationLoss({ edgeHead, inverseNet, signal }) : undefined
  const comparison = without && new EdgeHeadComparison(without, classes)

  const showEdges = folder !== undefined && edgeHead
  const options: SegmentOptions = {
    scales: flags.scales,
    flip: flags.flip,
    outputs: [...(showEdges ? (['edges'] as const) : []), ...(loss?.outputs ?? [])],
    signal,
  }
  const evaluation = new Evaluation(classes)
  const images: ReportImage[] = []
  const stemOf = stemsOf(samples)
  const progress = new Progress(printer, 'images', samples.length)
  try {
    for await (const image of evaluateImages(segmenter, samples, {
      ...options,
      classes,
      maxPixels: flags.maxPixels,
    })) {
      evaluation.add(image)
      if (folder && flags.savePredictions) {
        await writePrediction(folder, stemOf(image.sample), image, isPlain(flags))
      }
      if (folder && images.length < flags.pictures) {
        images.push(await writePanels(folder, stemOf(image.sample), image, named?.palette))
      }
      await comparison?.add(image, options)
      await loss?.add(image)
      progress.step(image.scores && `mIoU ${percent(evaluation.confusion.compute().meanIou)}`)
    }
  } finally {
    progress.end()
  }
  const seconds = evaluation.seconds()
  if (evaluation.tiles > 1) {
    printer.note(
      `The images were too large for the memory and were cut into up to ${evaluation.tiles} tiles each.`,
    )
  }

  const report: EvaluationReport = {
    title: `${segmenter.model} on ${flags.images ?? flags.split}`,
    names,
    palette: named?.palette,
    facts: factsOf({ segmenter, flags, checkpoint: choice.checkpoint, dataset, samples, seconds }),
    evaluation,
    seconds,
    comparison: comparison?.result(evaluation.confusion),
    loss: scored ? await loss?.result() : undefined,
    images,
  }
  if (flags.json) printer.out(resultsJson(report))
  else if (scored) printer.out(evaluationText(report))
  if (folder) {
    await writeReport(folder, report)
    printer.line(`Wrote ${join(folder, 'index.html')}`)
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

function checkLoss({ loss }: EvalFlags, { toClasses }: ScoredClasses): void {
  if (!loss || toClasses === undefined) return
  throw new InverseFormError('invalid-argument', '--loss needs a network whose outputs are train ids.', {
    hint: 'Omit --loss.',
  })
}

async function openInverseNet(flags: EvalFlags, edgeHead: boolean, printer: Printer, signal: AbortSignal) {
  const { loss, inversenet, inversenetPrecision: precision, threads } = flags
  if (!loss || !edgeHead || !inversenet) return undefined
  const checkpoint = await fetchCheckpoint(inversenet, { printer, signal, flag: '--inversenet' })
  return createInverseNet({ checkpoint, precision, threads, signal })
}

function noteOnLoss(edgeHead: boolean, inverseNet: string | undefined, printer: Printer): void {
  if (edgeHead && !inverseNet) {
    printer.note('The loss has no InverseForm term. Pass --inversenet inversenet to download InverseNet.')
  }
  if (!edgeHead && inverseNet) {
    printer.note('The loss has no InverseForm term without the edge head. Add --edge-head.')
  }
}

function noteUnpaired(
  { unpaired: { images: unlabeled, labelIds } }: Dataset,
  flags: EvalFlags,
  printer: Printer,
): void {
  if (unlabeled.length > 0 && isPlain(flags)) {
    printer.note(`${unlabeled.length} images have no label map: ${listFew(unlabeled, 3)}`)
  }
  if (labelIds.length === 0) return
  printer.note(`${labelIds.length} label files have no image: ${listFew(labelIds, 3)}`)
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
    [
      isPlain(flags) ? 'images' : 'split',
      `${isPlain(flags) ? '' : `${dataset.split}, `}${samples.length} of ${dataset.total} images`,
    ],
    ['edge head', segmenter.edgeHead ? 'yes' : 'no'],
    ['scales', flags.scales?.join(', ') ?? 'default'],
    ['flip', flags.flip ? 'yes' : 'no'],
    ['device', deviceName(segmenter)],
    ['time', timeText(seconds, segmenter.workers)],
  ]
}
