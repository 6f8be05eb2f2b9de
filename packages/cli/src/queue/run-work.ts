import type { Rgb } from '@inverseform/cityscapes'
import { InverseFormError } from '@inverseform/errors'
import type { RunDescription } from '@inverseform/queue'
import { filesOf } from '../evaluation/evaluate-run.js'
import { parseFacts, type RunFacts } from '../evaluation/run-facts.js'
import { isRecord, isTexts } from '../state/run-plan.js'
import { checkDataName, type QueuedSample } from './data-source.js'
import type { QueueEvalFlags } from './flags.js'

/** The flags of `queue eval` that say what workers compute. */
const workFlags = [
  ...(['key', 'model', 'edgeHead', 'hasEdge', 'has_edge', 'arch', 'hrnet_base', 'numClasses'] as const),
  ...(['scales', 'flip', 'device', 'precision', 'compareEdgeHead'] as const),
  ...(['loss', 'inversenetPrecision', 'images', 'reduceZeroLabel'] as const),
] as const

export type WorkFlags = Pick<QueueEvalFlags, (typeof workFlags)[number]>

export const pickWorkFlags = (flags: QueueEvalFlags): WorkFlags =>
  Object.fromEntries(workFlags.map((name) => [name, flags[name]])) as unknown as WorkFlags

/** What a worker must know to evaluate the images of a run. */
export interface RunWork {
  readonly flags: WorkFlags
  /** A published model, a URL, or the path of a file, and its SHA-256. */
  readonly checkpoint: NamedFile
  readonly inverseNet?: NamedFile
  readonly ids?: 'trainIds' | 'labelIds' | readonly number[]
  readonly named?: { readonly names: readonly string[]; readonly palette?: readonly Rgb[] }
  readonly classes: { readonly numClasses: number; readonly ignoreIndex?: number | null }
  readonly facts: RunFacts
  /** The files of each image, in the order of the names. */
  readonly samples: readonly QueuedSample[]
}

export interface NamedFile {
  readonly name: string
  readonly sha256: string
}

/**
 * Reads what `queue eval` published.
 * @throws InverseFormError `unreadable` for anything else, and for names of files that lead out of a folder
 */
export function parseWork(id: string, { work, images }: RunDescription): RunWork {
  const invalid = (found: string) =>
    new InverseFormError('unreadable', `Run ${id} is not of this program: ${found}.`, {
      hint: `Remove it with \`inverseform queue remove ${id}\`.`,
      details: { run: id },
    })
  if (!isRecord(work) || !isRecord(work.flags) || !isRecord(work.facts) || !isRecord(work.classes)) {
    throw invalid('its options are missing')
  }
  const { checkpoint, inverseNet, ids, named, classes, samples } = work
  const facts = parseFacts(work.facts)
  const { numClasses, ignoreIndex } = classes
  const isValid =
    isNamedFile(checkpoint) &&
    (inverseNet === undefined || isNamedFile(inverseNet)) &&
    (typeof ids !== 'object' || (Array.isArray(ids) && ids.every(Number.isInteger))) &&
    (named === undefined || (isRecord(named) && isTexts(named.names))) &&
    Number.isSafeInteger(numClasses) &&
    (ignoreIndex === undefined || ignoreIndex === null || Number.isSafeInteger(ignoreIndex)) &&
    facts?.names.length === numClasses
  if (!isValid) throw invalid('its options are of another form')
  if (!Array.isArray(samples) || samples.length !== images.length || !samples.every(isSample)) {
    throw invalid('its images have no files')
  }
  for (const name of samples.flatMap(filesOf)) checkDataName(name)
  return work as unknown as RunWork
}

const isNamedFile = (value: unknown): boolean =>
  isRecord(value) && typeof value.name === 'string' && /^[0-9a-f]{64}$/.test(String(value.sha256))

const isSample = (value: unknown): value is QueuedSample =>
  isRecord(value) &&
  [value.name, value.city, value.image].every((text) => typeof text === 'string') &&
  (value.labelIds === undefined || typeof value.labelIds === 'string')
