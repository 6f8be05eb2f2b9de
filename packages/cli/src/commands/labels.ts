import { type LabelEncoding, labelEncodings } from '@inverseform/cityscapes'
import { createLabelImages } from '@inverseform/cityscapes/node'
import { makeFolder } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { maxPixelsOption } from '../options/model.js'
import { parseNames, parseWords } from '../options/parse.js'
import { Progress } from '../output/text/progress.js'
import type { Printer } from '../printer.js'

export interface LabelsFlags {
  readonly data?: string
  readonly split?: string[]
  readonly encoding?: LabelEncoding[]
  readonly coarse?: boolean
  readonly out?: string
  readonly overwrite?: boolean
  readonly maxPixels?: number
}

export function setUpLabels(command: Command, printer: Printer, signal: AbortSignal): void {
  command
    .option('--data <folder>', 'read this data set (default: the environment variable CITYSCAPES_DATASET)')
    .option('--split <names>', 'draw these splits, such as train,val (default: all)', parseNames('train,val'))
    .option(
      '--encoding <kinds>',
      `draw these: ${labelEncodings.join(', ')} (default: labelTrainIds)`,
      parseWords(labelEncodings),
    )
    .option('--coarse', 'draw the annotations of gtCoarse instead of gtFine')
    .option('--out <folder>', 'write to the same subfolders of this folder (default: beside the polygons)')
    .addOption(maxPixelsOption())
    .option('--overwrite', 'replace existing label images')
    .addHelpText(
      'after',
      `
Example:
  inverseform labels --data cityscapes --split train,val --encoding labelTrainIds,instanceTrainIds`,
    )
    .action((flags: LabelsFlags) => labelsCommand(flags, printer, signal))
}

/** Draws the label images of the polygons of a data set. */
export async function labelsCommand(
  { data, split, encoding = ['labelTrainIds'], coarse, out, overwrite, maxPixels }: LabelsFlags,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  if (out !== undefined) await makeFolder(out)
  const progress = new Progress(printer, 'annotations')
  const { written, kept } = await createLabelImages({
    data,
    type: coarse ? 'gtCoarse' : 'gtFine',
    splits: split,
    encodings: encoding,
    out,
    overwrite,
    maxPixels,
    signal,
    onProgress: ({ total }) => {
      progress.total = total
      progress.step()
    },
  }).finally(() => progress.end())
  printer.line(`Wrote ${written} label ${written === 1 ? 'image' : 'images'}`)
  if (kept > 0) printer.note(`Kept ${kept} existing label images. Pass --overwrite to replace them.`)
}
