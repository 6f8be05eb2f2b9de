import { edgeMap } from '@inverseform/cityscapes'
import { crossEntropy, type InverseFormOptions, inverseFormTiles, jointLossTerms } from '@inverseform/core'
import { type ArrayTensor, arrayOps } from '@inverseform/core/array'
import {
  createInverseNet,
  type InverseNet,
  type InverseNetOptions,
  type SegmentOutput,
} from '@inverseform/runtime-node'
import type { EvaluatedImage } from './evaluation.js'

const ops = arrayOps()

/** As published: see the note on the published loss in @inverseform/core. */
const inverseForm: InverseFormOptions = { activation: 'log_softmax' }

/** Means over the images: the terms before their factors, and the weighted `total`. */
export type LossTerms = Readonly<Record<string, number>>

/**
 * The validation loss as the published code computes it, image by image: image-weighted cross-entropy, or with the edge
 * head the joint loss, whose InverseForm term needs the published regressor and is left out without it.
 */
export class ValidationLoss implements AsyncDisposable {
  private readonly sums = new Map<string, number>()
  private images = 0
  /** The last image, whose coefficients may still be computed while the next one is segmented. */
  private last: Promise<void> = Promise.resolve()

  private constructor(
    private readonly edge: boolean,
    private readonly inverseNet: InverseNet | undefined,
    private readonly signal: AbortSignal,
  ) {}

  /** @param regressor which InverseNet computes the InverseForm term; without the edge head there is none */
  static async create(
    edge: boolean,
    regressor: InverseNetOptions | undefined,
    signal: AbortSignal,
  ): Promise<ValidationLoss> {
    const inverseNet = edge && regressor ? await createInverseNet({ ...regressor, signal }) : undefined
    return new ValidationLoss(edge, inverseNet, signal)
  }

  /** What the network must be asked for. */
  get outputs(): SegmentOutput[] {
    return this.edge ? ['logits', 'edgeOutput'] : ['logits']
  }

  /** Adds an image, once the one before is done; one without truth has no loss. */
  async add({ truth, segmentation }: EvaluatedImage): Promise<void> {
    if (!truth) return
    await this.last
    this.last = this.terms(truth, segmentation).then((terms) => {
      for (const [name, value] of Object.entries(terms)) {
        this.sums.set(name, (this.sums.get(name) ?? 0) + value)
      }
      this.images++
    })
    // A failure is thrown by the next image or the result; until then it must not count as unhandled.
    this.last.catch(() => {})
  }

  async result(): Promise<LossTerms> {
    await this.last
    return Object.fromEntries([...this.sums].map(([name, sum]) => [name, sum / this.images]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.inverseNet?.dispose()
  }

  private async terms(labels: Uint8Array, segmentation: EvaluatedImage['segmentation']): Promise<LossTerms> {
    const { width, height, classes, logits, edgeOutput } = segmentation
    const tensor = (data: Float32Array, channels: number) => ops.constant(data, [1, channels, height, width])
    const inputs = { logits: tensor(logits as Float32Array, classes), labels }
    if (!this.edge) {
      const [total] = crossEntropy(ops, inputs).data
      return { total, crossEntropy: total }
    }
    const edgeLogits = tensor(edgeOutput as Float32Array, 1)
    const edgeLabels = edgeMap(labels, width, height)
    const coefficients = await this.coefficients(edgeLogits, edgeLabels)
    const regressor = coefficients && (() => coefficients)
    const weights = coefficients ? {} : { inverseForm: 0 }
    const terms = jointLossTerms(
      ops,
      { ...inputs, edgeLogits, edgeLabels, regressor },
      { inverseForm, weights },
    )
    return Object.fromEntries(Object.entries(terms).map(([name, { data }]) => [name, data[0]]))
  }

  private async coefficients(
    edgeLogits: ArrayTensor,
    edgeLabels: Uint8Array,
  ): Promise<ArrayTensor | undefined> {
    if (!this.inverseNet) return undefined
    const { prediction, target } = inverseFormTiles(ops, { edgeLogits, edgeLabels }, inverseForm)
    const { data, shape } = await this.inverseNet.coefficients(prediction, target, { signal: this.signal })
    return ops.constant(data, shape)
  }
}

/** The terms as aligned lines of plain text. */
export function lossText({ total, ...terms }: LossTerms): string {
  const lines = Object.entries({ 'validation loss': total, ...terms })
  return lines.map(([name, value]) => `${name.padEnd(22)}  ${value.toFixed(4)}\n`).join('')
}
