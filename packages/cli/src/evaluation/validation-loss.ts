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

/** Means over the images: the terms before they are weighted, and the weighted `total`. */
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
  readonly #sums = new Map<string, number>()
  #images = 0
  /** The loss of the last image, which is computed while the next image is segmented. */
  #last: Promise<void> = Promise.resolve()

  constructor({ edgeHead, inverseNet, signal }: ValidationLossOptions) {
    this.outputs = edgeHead ? ['logits', 'edgeOutput'] : ['logits']
    this.#edgeHead = edgeHead
    this.#inverseNet = edgeHead ? inverseNet : undefined
    this.#signal = signal
  }

  /** Starts to add an image when the previous one is done. An image without a target has no loss. */
  async add({ target, segmentation }: EvaluatedImage): Promise<void> {
    if (!target) return
    await this.#last
    this.#last = this.#terms(target, segmentation).then((terms) => {
      for (const [name, value] of Object.entries(terms)) {
        this.#sums.set(name, (this.#sums.get(name) ?? 0) + value)
      }
      this.#images++
    })
    // The next image or the result throws a failure; until then it must not count as unhandled.
    this.#last.catch(() => {})
  }

  async result(): Promise<LossTerms> {
    await this.#last
    return Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#images]))
  }

  async #terms(target: Uint8Array, segmentation: EvaluatedImage['segmentation']): Promise<LossTerms> {
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
