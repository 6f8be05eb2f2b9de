import { InverseFormError } from '@inverseform/errors'
import {
  createInverseNet,
  createSegmenter,
  type InverseNet,
  type NodeSegmenter,
} from '@inverseform/runtime-node'
import { sha256Of } from '@inverseform/shared/node'
import { fetchCheckpoint } from '../options/checkpoint.js'
import { type NamedClasses, noteOnTable } from '../options/class-names.js'
import { type SegmenterFlags, type segmenterChoice, workersFor } from '../options/model.js'
import { namesOfClasses, numberedClasses } from '../output/class-names.js'
import { noteOnDevices, noteOnTensors } from '../output/text/segmenter-notes.js'
import type { Printer } from '../printer.js'
import { type DataFlags, isPlain, plainOptions } from './data-flags.js'
import type { EvalFlags } from './flags.js'
import { cityscapesClasses, plainClasses, type readIds, type ScoredClasses } from './scored-classes.js'
import { ValidationLoss } from './validation-loss.js'

/** The flags that say which networks compute what. */
export type NetworkFlags = SegmenterFlags &
  Pick<DataFlags, 'images' | 'ignoreIndex' | 'reduceZeroLabel'> &
  Pick<EvalFlags, 'compareEdgeHead' | 'loss' | 'inversenet' | 'inversenetPrecision'>

export interface NetworkInput {
  readonly choice: ReturnType<typeof segmenterChoice>
  readonly ids?: Awaited<ReturnType<typeof readIds>>
  readonly named?: NamedClasses
  /** The number of images, on which the number of workers depends. */
  readonly images: number
}

/** What evaluates images. */
export interface Networks extends AsyncDisposable {
  readonly segmenter: NodeSegmenter
  /** The network without its edge head, whose labels are compared. */
  readonly without?: NodeSegmenter
  readonly classes: ScoredClasses
  /** The names of the classes. */
  readonly names: readonly string[]
  readonly loss?: ValidationLoss
  /** Returns the SHA-256 of the files. */
  hashes(): Promise<{ readonly checkpoint: string; readonly inverseNet?: string }>
}

/** Opens the networks that the flags name. */
export async function openNetworks(
  flags: NetworkFlags,
  { choice, ids, named, images }: NetworkInput,
  printer: Printer,
  signal: AbortSignal,
): Promise<Networks> {
  const opened: AsyncDisposable[] = []
  const close = async () => {
    for (const each of opened.reverse()) await each[Symbol.asyncDispose]()
  }
  const keep = <T extends AsyncDisposable>(network: T): T => {
    opened.push(network)
    return network
  }
  try {
    const checkpoint = await fetchCheckpoint(choice.checkpoint, { printer, signal, flag: '--checkpoint' })
    const load = { ...choice, checkpoint, workers: choice.workers ?? workersFor(images), signal }
    const segmenter = keep(
      await createSegmenter({ ...load, edgeHead: choice.edgeHead || flags.compareEdgeHead }),
    )
    const without = flags.compareEdgeHead
      ? keep(await createSegmenter({ ...load, edgeHead: false }))
      : undefined
    noteOnTensors(segmenter, printer)
    const { edgeHead } = segmenter
    const { classes, names } = classesOf(flags, { outputs: segmenter.numClasses, ids, named }, printer)
    noteOnDevices(segmenter, flags.precision, printer)
    const inverseNetFile = await fetchInverseNet(flags, edgeHead, printer, signal)
    let inverseNet: InverseNet | undefined
    if (inverseNetFile !== undefined) {
      inverseNet = keep(
        await createInverseNet({
          checkpoint: inverseNetFile,
          precision: flags.inversenetPrecision,
          threads: flags.threads,
          signal,
        }),
      )
    }
    if (flags.loss) noteOnLoss(edgeHead, flags.inversenet, printer)
    return {
      segmenter,
      without,
      classes,
      names,
      loss: flags.loss ? new ValidationLoss({ edgeHead, inverseNet, signal }) : undefined,
      hashes: async () => ({
        checkpoint: await sha256Of(checkpoint, signal),
        inverseNet: inverseNetFile === undefined ? undefined : await sha256Of(inverseNetFile, signal),
      }),
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

interface Outputs extends Pick<NetworkInput, 'ids' | 'named'> {
  /** The number of outputs of the network. */
  readonly outputs: number
}

/** Returns what the outputs of a network are, and notes what is not as usual. */
export function classesOf(
  flags: NetworkFlags,
  { outputs, ids, named }: Outputs,
  printer: Printer,
): Pick<Networks, 'classes' | 'names'> {
  const classes = isPlain(flags)
    ? plainClasses(outputs, plainOptions(flags, named))
    : cityscapesClasses(outputs, ids)
  const names =
    named?.names ??
    (isPlain(flags) ? numberedClasses(classes.numClasses) : namesOfClasses(classes.numClasses))
  const tableNote = named && noteOnTable(named, flags)
  if (tableNote) printer.note(tableNote)
  if (classes.note) printer.note(`The ${outputs} outputs are ${classes.note}.`)
  checkLoss(flags, classes)
  return { classes, names }
}

function checkLoss({ loss }: NetworkFlags, { toClasses }: ScoredClasses): void {
  if (!loss || toClasses === undefined) return
  throw new InverseFormError('invalid-argument', '--loss needs a network whose outputs are train ids.', {
    hint: 'Omit --loss.',
  })
}

/** Returns the file of InverseNet; undefined if the loss has no InverseForm term. */
export async function fetchInverseNet(
  { loss, inversenet }: NetworkFlags,
  edgeHead: boolean,
  printer: Printer,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!loss || !edgeHead || !inversenet) return undefined
  return fetchCheckpoint(inversenet, { printer, signal, flag: '--inversenet' })
}

function noteOnLoss(edgeHead: boolean, inverseNet: string | undefined, printer: Printer): void {
  if (edgeHead && !inverseNet) {
    printer.note('The loss has no InverseForm term. Pass --inversenet inversenet to download InverseNet.')
  }
  if (!edgeHead && inverseNet) {
    printer.note('The loss has no InverseForm term without the edge head. Add --edge-head.')
  }
}
