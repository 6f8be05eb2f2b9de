import { makeFolder } from '@inverseform/backbones/node'
import type { LabelEncoding } from '@inverseform/cityscapes'
import { createLabelImages } from '@inverseform/cityscapes/node'
import { Progress } from '../progress.js'
import type { Terminal } from '../terminal.js'

export interface LabelsFlags {
  readonly data?: string
  readonly split?: string[]
  readonly encoding?: LabelEncoding[]
  readonly coarse?: boolean
  readonly out?: string
  readonly overwrite?: boolean
}

/** Draws the label images of a data set's polygons. */
export async function labelsCommand(
  { data, split, encoding, coarse, out, overwrite }: LabelsFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  if (out !== undefined) await makeFolder(out)
  const progress = new Progress(terminal, 'annotations')
  const { written, kept } = await createLabelImages({
    root: data,
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
  if (kept > 0) terminal.err(`note: ${kept} were there already and were kept; --overwrite replaces them.\n`)
}
