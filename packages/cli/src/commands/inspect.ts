import { identifyModel, openCheckpoint } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { columns } from '../output/columns.js'
import type { Terminal } from '../terminal.js'

/** Shows what a checkpoint holds, without reading its weights. */
export async function inspectCommand(
  path: string,
  flags: { readonly json?: boolean },
  terminal: Terminal,
): Promise<void> {
  await using source = await fileSource(path)
  const checkpoint = await openCheckpoint(source)
  const tensors = [...checkpoint.tensors.values()].map(({ name, dtype, shape, byteLength }) => ({
    name,
    dtype,
    shape,
    byteLength,
  }))
  const model = identifyModel(checkpoint)
  const { format, metadata } = checkpoint
  if (flags.json) {
    terminal.out(
      `${JSON.stringify({ path, bytes: source.size, format, model, metadata, tensors }, null, 2)}\n`,
    )
    return
  }
  terminal.out(
    columns([
      ['name', 'dtype', 'shape'],
      ...tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(', ')}]`]),
    ]),
  )
  const facts = Object.entries(metadata).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`)
  if (facts.length > 0) terminal.out(`\nmetadata\n${facts.join('')}`)
  const elements = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
  const megabytes = (source.size / 1e6).toFixed(1)
  terminal.out(
    `\n${tensors.length} tensors, ${elements} values, ${format}, ${megabytes} MB; model: ${model ?? 'none that is known'}\n`,
  )
}
