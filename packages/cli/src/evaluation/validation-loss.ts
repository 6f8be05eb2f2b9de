import { edgeMap } from '@inverseform/cityscapes'
import {
  crossEntropyLoss,
  type InverseFormLossOptions,
  inverseFormTiles,
  jointLossTerms,
} from '@inverseform/core'
import { type ArrayTensor, arrayOps } from '@inverseform/core/array'
import type { InverseNet, SegmentOutput } from '@inverseform/runtime-node'
import type { EvaluatedImage } from './evaluate-images.js'

const ops = arrayOps()

/** As published: see the note on the published loss in @inverseform/core. */
const inverseForm: InverseFormLossOptions = { activation: 'log_softmax' }

/** The terms before they are weighted, and the weighted `total`: of an image, or means over images. */
export type LossTerms = Readonly<Record<string, number>>

interface ValidationLossOptions {
  readonly edgeHead: boolean
  /** Computes the InverseForm term; the term is left out without it, and without the edge head. */
  readonly inverseNet?: InverseNet
  readonly signal: AbortSignal
}

/**
 * The validation loss as the published code computes it, image by image: the image-weighted cross-entropy, or with the
 * edge head the joint loss.
 */
export class ValidationLoss {
  /** The maps that the network must compute. */
  readonly outputs: readonly SegmentOutput[]
  readonly #edgeHead: boolean
  readonly #inverseNet: InverseNet | undefined
  readonly #signal: AbortSignal

  constructor({ edgeHead, inverseNet, signal }: ValidationLossOptions) {
    this.outputs = edgeHead ? ['logits', 'edgeOutput'] : ['logits']
    this.#edgeHead = edgeHead
    this.#inverseNet = edgeHead ? inverseNet : undefined
    this.#signal = signal
  }

  /** Computes the terms of an image; undefined for one without a target. */
  async terms({
    target,
    segmentation,
  }: Pick<EvaluatedImage, 'target' | 'segmentation'>): Promise<LossTerms | undefined> {
    if (!target) return undefined
    const { width, height, numClasses, logits, edgeOutput } = segmentation
    const tensor = (data: Float32Array, channels: number) => ops.constant(data, [1, channels, height, width])
    const inputs = { logits: tensor(logits as Float32Array, numClasses), target }
    if (!this.#edgeHead) {
      const [total] = crossEntropyLoss(ops, inputs).data
      return { total, crossEntropy: total }
    }
    const edgeLogits = tensor(edgeOutput as Float32Array, 1)
    const edgeTarget = edgeMap(target, width, height)
    const coefficients = await this.#coefficients(edgeLogits, edgeTarget)
    const jointInputs = { ...inputs, edgeLogits, edgeTarget }
    const terms = coefficients
      ? jointLossTerms(ops, { ...jointInputs, regressor: () => coefficients }, { inverseForm })
      : jointLossTerms(ops, jointInputs, { weights: { inverseForm: 0 } })
    return Object.fromEntries(Object.entries(terms).map(([name, { data }]) => [name, data[0]]))
  }

  async #coefficients(edgeLogits: ArrayTensor, edgeTarget: Uint8Array): Promise<ArrayTensor | undefined> {
    if (!this.#inverseNet) return undefined
    const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeTarget }, inverseForm)
    const { data, shape } = await this.#inverseNet.coefficients(prediction, target, { signal: this.#signal })
    return ops.constant(data, shape)
  }
}
