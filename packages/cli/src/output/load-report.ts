import type { NodeSegmenter } from '@inverseform/runtime-node'
import type { Terminal } from '../terminal.js'
import { firstFew } from './first-few.js'

/** Says which model was loaded and names tensors that are not part of it. */
export function noteOnTensors(
  { model, classes, report }: Pick<NodeSegmenter, 'model' | 'classes' | 'report'>,
  terminal: Terminal,
): void {
  terminal.err(
    `${model}, ${classes} classes: ${report.loaded.length} tensors loaded, ${report.unused.length} not needed\n`,
  )
  const { unexpected } = report
  if (unexpected.length > 0) {
    terminal.err(
      `note: ${unexpected.length} tensors are not part of this model: ${firstFew(unexpected, 5)}\n`,
    )
  }
}
