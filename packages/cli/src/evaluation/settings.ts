import type { NodeSegmenter } from '@inverseform/runtime-node'
import type { NamedClasses } from '../options/class-names.js'
import type { SegmenterFlags } from '../options/model.js'
import type { RunPlan } from '../state/run-plan.js'
import type { DataFlags } from './data-flags.js'
import type { ScoredClasses } from './scored-classes.js'

interface ResultFlags extends SegmenterFlags, DataFlags {
  readonly pictures: number
  readonly savePredictions?: boolean
  readonly compareEdgeHead?: boolean
  readonly loss?: boolean
  readonly inversenetPrecision: string
}

/** What runs the network; where that is not known yet, what was asked for. */
interface Network extends Pick<NodeSegmenter, 'model' | 'numClasses' | 'edgeHead'> {
  readonly device: NodeSegmenter['device'] | 'auto'
  readonly precision: NodeSegmenter['precision'] | 'auto'
}

interface Opened {
  readonly segmenter: Network
  readonly classes: ScoredClasses
  readonly names: readonly string[]
  readonly ids?: string | readonly number[]
  readonly named?: NamedClasses
  /** The SHA-256 of the files. */
  readonly hashes: { readonly checkpoint: string; readonly inverseNet?: string }
}

/** Returns what the network computes from images, beside the images. */
export const networkSettings = (
  { key, scales, flip }: Pick<SegmenterFlags, 'key' | 'scales' | 'flip'>,
  segmenter: Network,
  checkpoint: string,
): RunPlan['settings'] => ({
  model: segmenter.model,
  'checkpoint with SHA-256': checkpoint,
  'state dict': key ?? null,
  outputs: segmenter.numClasses,
  'edge head': segmenter.edgeHead,
  scales: scales ?? 'default',
  flip: flip ?? false,
  device: segmenter.device,
  precision: segmenter.precision,
})

/** Returns all options that change the results of an evaluation, as `RunPlan` has them. */
export function settingsOf(
  flags: ResultFlags,
  { segmenter, classes, names, ids, named, hashes }: Opened,
): RunPlan['settings'] {
  const { numClasses, ignoreIndex } = classes
  return {
    ...networkSettings(flags, segmenter, hashes.checkpoint),
    data:
      flags.images === undefined
        ? `${flags.split} of ${flags.coarse ? 'gtCoarse' : 'gtFine'}`
        : 'plain folders',
    'ids of the outputs': ids ?? null,
    classes: numClasses,
    'ignore index': ignoreIndex === undefined ? 'default' : ignoreIndex,
    'reduce zero label': flags.reduceZeroLabel ?? false,
    'class names': names,
    'class colors': named?.palette?.map((color) => color.join(' ')) ?? null,
    pictures: flags.pictures,
    predictions: flags.savePredictions ?? false,
    'labels without the edge head': flags.compareEdgeHead ?? false,
    loss: flags.loss ?? false,
    'InverseNet with SHA-256': hashes.inverseNet ?? null,
    'precision of InverseNet': hashes.inverseNet === undefined ? null : flags.inversenetPrecision,
  }
}
