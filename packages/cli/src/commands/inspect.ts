import { identifyModel, openCheckpoint } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { product, sum } from '@inverseform/shared'
import type { Command } from 'commander'
import { columns } from '../output/text/columns.js'
import type { Terminal } from '../terminal.js'

export function addInspectCommand(program: Command, terminal: Terminal): void {
  program
    .command('inspect')
    .description('Show the tensors and metadata of a checkpoint')
    .argument('<checkpoint>', 'a .pth or .safetensors file')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example:
  inverseform inspect hr16s_4k_slim.pth`,
    )
    .action((checkpoint: string, flags) => inspectCommand(checkpoint, flags, terminal))
}

/** Shows the contents of a checkpoint without reading its weights. */
async function inspectCommand(
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
  const values = sum(tensors.map(({ shape }) => product(shape)))
  const megabytes = (source.size / 1e6).toFixed(1)
  terminal.out(
    `\n${tensors.length} tensors, ${values} values, ${format}, ${megabytes} MB; model: ${model ?? 'unknown'}\n`,
  )
}
