import { type LabelEncoding, labelEncodings } from '@inverseform/cityscapes'
import { createLabelImages } from '@inverseform/cityscapes/node'
import { makeFolder } from '@inverseform/shared/node'
import type { Command } from 'commander'
import { parseNames, parseWords } from '../options/parse.js'
import { Progress } from '../output/text/progress.js'
import type { Terminal } from '../terminal.js'

export interface LabelsFlags {
  readonly data?: string
  readonly split?: string[]
  readonly encoding?: LabelEncoding[]
  readonly coarse?: boolean
  readonly out?: string
  readonly overwrite?: boolean
}

export function addLabelsCommand(program: Command, terminal: Terminal, signal: AbortSignal): void {
  program
    .command('labels')
    .description('Draw label images from the polygons of a data set')
    .option('--data <folder>', 'read this data set (default: the environment variable CITYSCAPES_DATASET)')
    .option('--split <names>', 'draw these splits, such as train,val (default: all)', parseNames)
    .option(
      '--encoding <kinds>',
      `draw these: ${labelEncodings.join(', ')} (default: labelTrainIds)`,
      parseWords(labelEncodings),
    )
    .option('--coarse', 'draw the annotations of gtCoarse instead of gtFine')
    .option('--out <folder>', 'write to the same subfolders of this folder (default: beside the polygons)')
    .option('--overwrite', 'replace existing label images')
    .addHelpText(
      'after',
      `
Example:
  inverseform labels --data cityscapes --split train,val --encoding labelTrainIds,instanceTrainIds`,
    )
    .action((flags: LabelsFlags) => labelsCommand(flags, terminal, signal))
}

/** Draws the label images of the polygons of a data set. */
export async function labelsCommand(
  { data, split, encoding = ['labelTrainIds'], coarse, out, overwrite }: LabelsFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  if (out !== undefined) await makeFolder(out)
  const progress = new Progress(terminal, 'annotations')
  const { written, kept } = await createLabelImages({
    data,
    type: coarse ? 'gtCoarse' : 'gtFine',
    splits: split,
    encodings: encoding,
    out,
    overwrite,
    signal,
    onProgress: ({ total }) => {
      progress.total = total
      progress.step()
    },
  }).finally(() => progress.end())
  terminal.err(`Wrote ${written} label ${written === 1 ? 'image' : 'images'}\n`)
  if (kept > 0) terminal.err(`note: Kept ${kept} existing label images. Pass --overwrite to replace them.\n`)
}
