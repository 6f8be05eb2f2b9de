import { inverseNetZoo, zoo } from '@inverseform/backbones'
import type { Command } from 'commander'
import { upstreamFlags } from '../options/model.js'
import { columns } from '../output/text/columns.js'
import type { Printer } from '../printer.js'

export function addModelsCommand(program: Command, printer: Printer): void {
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
    .action((flags) => modelsCommand(flags, printer))
}

function modelsCommand(flags: { readonly json?: boolean }, printer: Printer): void {
  const models = Object.values(zoo)
  if (flags.json) {
    printer.json([...models, inverseNetZoo])
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
  printer.out(
    `${table}\nmIoU in % on Cityscapes val, as published, trained without and with the InverseForm loss.\n`,
  )
  printer.out(`The files are at ${zoo.hrnet18.url.replace(/[^/]*$/, '')}\n`)
}
