import type { NodeSegmenter } from '@inverseform/runtime-node'
import type { Terminal } from '../terminal.js'

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
    const more = unexpected.length > 5 ? ', …' : ''
    terminal.err(
      `note: ${unexpected.length} tensors are not part of this model: ${unexpected.slice(0, 5).join(', ')}${more}\n`,
    )
  }
}
