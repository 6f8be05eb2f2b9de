import { createSubmission } from '@inverseform/cityscapes/node'
import { Progress } from '../progress.js'
import type { Terminal } from '../terminal.js'

export interface SubmitFlags {
  readonly pred: string
  readonly out: string
  readonly data?: string
  readonly split?: string
  readonly ids?: 'trainIds' | 'labelIds'
}

/** Images of the test split of Cityscapes. */
const TEST_IMAGES = 1525

/** Makes predictions into a submission to the Cityscapes server. */
export async function submitCommand(
  { pred, out, data, split, ids }: SubmitFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const progress = new Progress(terminal, 'predictions')
  const images = await createSubmission({
    predictions: pred,
    out,
    root: data,
    split,
    ids,
    signal,
    onProgress: ({ total }) => {
      progress.total = total
      progress.step()
    },
  }).finally(() => progress.end())
  terminal.err(
    `Wrote the label ids of ${images.length} ${images.length === 1 ? 'image' : 'images'} to ${out}\n`,
  )
  if (data === undefined && images.length !== TEST_IMAGES)
    terminal.err(`note: The test split has ${TEST_IMAGES} images; give --data to learn which are missing.\n`)
}
