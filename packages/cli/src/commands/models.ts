import { inverseNetZoo, zoo } from '@inverseform/backbones'
import type { Command } from 'commander'
import { upstreamFlags } from '../options/model.js'
import { columns } from '../output/text/columns.js'
import type { Terminal } from '../terminal.js'

export function addModelsCommand(program: Command, terminal: Terminal): void {
  program
    .command('models')
    .description('Show the published models')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example:
  inverseform models --json`,
    )
    .action((flags) => modelsCommand(flags, terminal))
}

function modelsCommand(flags: { readonly json?: boolean }, terminal: Terminal): void {
  const models = Object.values(zoo)
  if (flags.json) {
    terminal.out(`${JSON.stringify([...models, inverseNetZoo], null, 2)}\n`)
    return
  }
  const rows = models.map(({ name, publishedMiou, parametersMillions, file, upstream }) => [
    name,
    `${publishedMiou.without.toFixed(1)} / ${publishedMiou.with.toFixed(1)}`,
    `${parametersMillions} M`,
    file,
    upstreamFlags(upstream.arch, upstream.hrnetBase),
  ])
  const { name, parametersMillions, file } = inverseNetZoo
  const table = columns([
    ['model', 'mIoU without / with', 'parameters', 'published file', "upstream's flags"],
    ...rows,
    [name, '', `${parametersMillions} M`, file, 'loaded by the loss'],
  ])
  terminal.out(
    `${table}\nmIoU in % on Cityscapes val, as published, trained without and with the InverseForm loss.\n`,
  )
  terminal.out(`The files are at ${zoo.hrnet18.url.replace(/[^/]*$/, '')}\n`)
}
