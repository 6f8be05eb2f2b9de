import { dirname } from 'node:path'
import { inverseNetZoo, type ModelName, zoo } from '@inverseform/backbones'
import {
  type CachedCheckpoint,
  clearCachedCheckpoints,
  listCachedCheckpoints,
} from '@inverseform/backbones/node'
import { InverseFormError } from '@inverseform/errors'
import { type CachedModel, clearCachedModels, listCachedModels } from '@inverseform/runtime-node'
import { orList, sum } from '@inverseform/shared'
import type { Command } from 'commander'
import { fetchCheckpoint } from '../options/checkpoint.js'
import { upstreamFlags } from '../options/model.js'
import { columns } from '../output/text/columns.js'
import type { Printer } from '../printer.js'

const published = [...Object.values(zoo), inverseNetZoo]
const names: readonly ModelName[] = published.map(({ name }) => name)

export function setUpModels(command: Command, printer: Printer, signal: AbortSignal): void {
  command.addHelpText(
    'after',
    `
Downloads go to the cache folder, which the library uses too: INVERSEFORM_CACHE, or else "inverseform" in the user's cache folder.
INVERSEFORM_MIRROR is the address of a mirror, HTTPS_PROXY that of a proxy, and INVERSEFORM_OFFLINE=1 turns downloads off.

Examples:
  inverseform models list
  inverseform models pull hrnet16-slim
  inverseform models pull all --mirror https://models.example.com/inverseform
  inverseform models remove all`,
  )
  command
    .command('list', { isDefault: true })
    .description('show the published models, and what is in the cache')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  inverseform models list --json')
    .allowExcessArguments()
    .action((flags: { readonly json?: boolean }, list: Command) => listModels(flags, list.args, printer))
  command
    .command('pull')
    .description(
      'download checkpoints that are not in the cache, and compare those that are with their SHA-256',
    )
    .argument('<names...>', 'published models, URLs, or all for all published models')
    .option(
      '--mirror <url>',
      'download from this folder (default: the environment variable INVERSEFORM_MIRROR)',
    )
    .addHelpText('after', '\nExample:\n  inverseform models pull hrnet16-slim inversenet')
    .action((given: string[], { mirror }: { readonly mirror?: string }) =>
      pullModels(given, { mirror, printer, signal }),
    )
  command
    .command('remove')
    .description('remove checkpoints from the cache')
    .argument('<names...>', 'published models, URLs, or all for everything in the cache')
    .addHelpText('after', '\nExample:\n  inverseform models remove hrnet16-slim')
    .action((given: string[]) => removeModels(given, printer))
}

async function listModels(
  { json }: { readonly json?: boolean },
  excess: readonly string[],
  printer: Printer,
): Promise<void> {
  if (excess.length > 0) {
    throw new InverseFormError('invalid-argument', `models has no command ${JSON.stringify(excess[0])}.`, {
      hint: 'Use list, pull or remove.',
    })
  }
  const cached = await listCachedCheckpoints()
  const ofModel = (name: ModelName) => cached.find(({ model }) => model === name)
  const others = cached.filter(({ model }) => model === undefined)
  if (json) {
    printer.json([
      ...published.map((model) => ({ ...model, cached: ofModel(model.name) ?? null })),
      ...others.map((checkpoint) => ({ name: checkpoint.url ?? checkpoint.path, cached: checkpoint })),
    ])
    return
  }
  printer.out(`${modelTable()}\n`)
  printer.out('mIoU in % on Cityscapes val, as published, trained without and with the InverseForm loss.\n')
  printer.out(`The files are at ${zoo.hrnet18.url.replace(/[^/]*$/, '')}\n\n`)
  printer.out(
    columns([
      ['in the cache', 'size', 'path'],
      ...names.map((name) => cacheRow(name, ofModel(name))),
      ...others.map((checkpoint) => cacheRow(checkpoint.url ?? 'unknown', checkpoint)),
      ...convertedRow(await listCachedModels()),
    ]),
  )
}

function modelTable(): string {
  const rows = Object.values(zoo).map(({ name, publishedMiou, parametersMillions, file, upstream }) => [
    name,
    `${publishedMiou.without.toFixed(1)} / ${publishedMiou.with.toFixed(1)}`,
    `${parametersMillions} M`,
    file,
    upstreamFlags(upstream.arch, upstream.hrnetBase),
  ])
  const { name, parametersMillions, file } = inverseNetZoo
  return columns([
    ['model', 'mIoU without / with', 'parameters', 'published file', "upstream's flags"],
    ...rows,
    [name, '', `${parametersMillions} M`, file, 'loaded by the loss'],
  ])
}

const cacheRow = (name: string, checkpoint: CachedCheckpoint | undefined): string[] =>
  checkpoint ? [name, megabytes(checkpoint.bytes), checkpoint.path] : [name, '', 'not downloaded']

/** Returns the row of the models that were converted while they were loaded. */
function convertedRow(models: readonly CachedModel[]): string[][] {
  if (models.length === 0) return []
  const size = megabytes(sum(models.map(({ bytes }) => bytes)))
  return [[`${models.length} converted`, size, dirname(models[0].folder)]]
}

/** Downloads one checkpoint after the other, and prints their paths. */
async function pullModels(
  given: readonly string[],
  options: { readonly mirror?: string; readonly printer: Printer; readonly signal: AbortSignal },
): Promise<void> {
  const checkpoints = given.flatMap<string>((name) => (name === 'all' ? names : [name]))
  checkpoints.forEach(checkName)
  for (const checkpoint of new Set(checkpoints)) {
    options.printer.out(`${await fetchCheckpoint(checkpoint, options)}\n`)
  }
}

async function removeModels(given: readonly string[], printer: Printer): Promise<void> {
  const cached = await listCachedCheckpoints()
  if (given.includes('all')) {
    await clearCachedCheckpoints()
    printRemoved(
      [...cached, ...(await clearCachedModels()).map((model) => ({ ...model, path: model.folder }))],
      printer,
    )
    return
  }
  given.forEach(checkName)
  for (const name of new Set(given)) {
    const chosen = cached.filter(({ model, url }) => name === model || name === url)
    for (const { path } of chosen) await clearCachedCheckpoints(path)
    if (chosen.length > 0) printRemoved(chosen, printer)
    else printer.line(`${name} is not in the cache`)
  }
}

function printRemoved(
  removed: readonly { readonly path: string; readonly bytes: number }[],
  printer: Printer,
): void {
  for (const { path, bytes } of removed) printer.line(`Removed ${path} (${megabytes(bytes)})`)
  if (removed.length === 0) printer.line('The cache has no checkpoints')
}

function checkName(name: string): void {
  if (/^https?:\/\//i.test(name) || (names as readonly string[]).includes(name)) return
  throw new InverseFormError('invalid-argument', `There is no published model ${JSON.stringify(name)}.`, {
    hint: `Use ${orList([...names, 'all'])}, or a URL that starts with http.`,
  })
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
