import { openCheckpoint, readInverseNet } from '@inverseform/backbones'
import { fileSource } from '@inverseform/backbones/node'
import { edgeMap } from '@inverseform/cityscapes'
import { crossEntropy, inverseNet, jointLossTerms, type Regressor } from '@inverseform/core'
import { type ArrayTensor, arrayOps } from '@inverseform/core/array'
import type { SegmentOutput } from '@inverseform/runtime-node'
import type { EvaluatedImage } from './evaluation.js'

const ops = arrayOps()

/** Means over the images: the terms before their factors, and the weighted `total`. */
export type LossTerms = Readonly<Record<string, number>>

/**
 * The validation loss as the published code computes it, image by image: image-weighted cross-entropy, or with the edge
 * head the joint loss, whose InverseForm term needs the published regressor and is left out without it.
 */
export class ValidationLoss {
  private readonly sums = new Map<string, number>()
  private images = 0

  private constructor(
    private readonly edge: boolean,
    private readonly regressor: Regressor<ArrayTensor> | undefined,
  ) {}

  /** @param inverseNetCheckpoint the regressor's `.pth` or `.safetensors` file; its 400 MB of weights are read now */
  static async create(edge: boolean, inverseNetCheckpoint: string | undefined): Promise<ValidationLoss> {
    if (inverseNetCheckpoint === undefined) return new ValidationLoss(edge, undefined)
    await using source = await fileSource(inverseNetCheckpoint)
    const weights = await readInverseNet(await openCheckpoint(source))
    return new ValidationLoss(edge, inverseNet(ops, weights))
  }

  /** What the network must be asked for. */
  get outputs(): SegmentOutput[] {
    return this.edge ? ['logits', 'edgeOutput'] : ['logits']
  }

  /** Adds an image; one without truth has no loss. */
  add({ truth, segmentation }: EvaluatedImage): void {
    if (!truth) return
    for (const [name, value] of Object.entries(this.terms(truth, segmentation))) {
      this.sums.set(name, (this.sums.get(name) ?? 0) + value)
    }
    this.images++
  }

  result(): LossTerms {
    return Object.fromEntries([...this.sums].map(([name, sum]) => [name, sum / this.images]))
  }

  private terms(labels: Uint8Array, segmentation: EvaluatedImage['segmentation']): LossTerms {
    const { width, height, classes, logits, edgeOutput } = segmentation
    const tensor = (data: Float32Array, channels: number) => ops.constant(data, [1, channels, height, width])
    const inputs = { logits: tensor(logits as Float32Array, classes), labels }
    if (!this.edge) {
      const [total] = crossEntropy(ops, inputs).data
      return { total, crossEntropy: total }
    }
    const terms = jointLossTerms(
      ops,
      {
        ...inputs,
        edge: tensor(edgeOutput as Float32Array, 1),
        edges: edgeMap(labels, width, height),
        regressor: this.regressor,
      },
      {
        // As published: see the note on the published loss in @inverseform/core.
        inverseForm: { activation: 'log_softmax' },
        weights: this.regressor ? {} : { inverseForm: 0 },
      },
    )
    return Object.fromEntries(Object.entries(terms).map(([name, { data }]) => [name, data[0]]))
  }
}

/** The terms as aligned lines of plain text. */
export function lossText({ total, ...terms }: LossTerms): string {
  const lines = Object.entries({ 'validation loss': total, ...terms })
  return lines.map(([name, value]) => `${name.padEnd(22)}  ${value.toFixed(4)}\n`).join('')
}
