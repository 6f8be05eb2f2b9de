import { inverseNetZoo, zoo } from '@inverseform/backbones'
import { columns } from '../output/columns.js'
import type { Terminal } from '../terminal.js'

/** Shows the published models. */
export function modelsCommand(flags: { readonly json?: boolean }, terminal: Terminal): void {
  const models = Object.values(zoo)
  if (flags.json) {
    terminal.out(`${JSON.stringify([...models, inverseNetZoo], null, 2)}\n`)
    return
  }
  const rows = models.map((model) => [
    model.name,
    `${model.publishedMiou.without.toFixed(1)} / ${model.publishedMiou.with.toFixed(1)}`,
    `${model.parametersMillions} M`,
    model.file,
    `--arch ${model.upstream.arch} --hrnet_base ${model.upstream.hrnetBase}`,
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
