import { createSubmission } from '@inverseform/cityscapes/node'
import { type Command, Option } from 'commander'
import { maxPixelsOption } from '../options/model.js'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'

export interface SubmitFlags {
  readonly pred: string
  readonly out: string
  readonly data?: string
  readonly split?: string
  readonly ids?: 'trainIds' | 'labelIds'
  readonly maxPixels?: number
}

/** The number of images in the test split of Cityscapes. */
const TEST_IMAGES = 1525

export function setUpSubmit(command: Command, printer: Printer, signal: AbortSignal): void {
  command
    .requiredOption(
      '--pred <folder>',
      'read the predictions from this folder: PNGs of train ids, or of label ids if named *labelIds.png',
    )
    .requiredOption('--out <path>', 'write this .zip file or folder')
    .option('--data <folder>', 'check that no image of this data set is missing')
    .option('--split <name>', 'with --data: check this split', 'test')
    .addOption(
      new Option('--ids <kind>', 'ids in the predictions (default: as their names say)').choices([
        'trainIds',
        'labelIds',
      ]),
    )
    .addOption(maxPixelsOption())
    .addHelpText(
      'after',
      `
Example:
  inverseform submit --pred report/predictions --data cityscapes --out results.zip

In a clone of the repository, with its data:
  inverseform submit --pred demo-output/eval/predictions --data tools/demo/cityscapes --split val --out demo-output/results.zip`,
    )
    .action((flags: SubmitFlags) => submitCommand(flags, printer, signal))
}

/** Prepares predictions for submission to the Cityscapes server. */
export async function submitCommand(
  { pred, out, data, split, ids, maxPixels }: SubmitFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const progress = new Progress(printer, 'predictions')
  const images = await createSubmission({
    predictions: pred,
    out,
    data,
    split,
    predictionIds: ids,
    maxPixels,
    signal,
    onProgress: ({ total }) => {
      progress.total = total
      progress.step()
    },
  }).finally(() => progress.end())
  printer.line(
    `Wrote the label ids of ${images.length} ${images.length === 1 ? 'image' : 'images'} to ${out}`,
  )
  if (data === undefined && images.length !== TEST_IMAGES) {
    printer.note(`The test split has ${TEST_IMAGES} images. Pass --data to see which of them are missing.`)
  }
}
