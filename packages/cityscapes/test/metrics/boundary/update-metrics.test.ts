import { describe, expect, it } from 'vitest'
import {
  BoundaryF,
  BoundaryIou,
  ConfusionMatrix,
  SurfaceDistances,
  TrimapIou,
  updateMetrics,
} from '../../../src/index.js'
import { blobs } from './support.js'

const create = (numClasses = 5) => {
  const options = { numClasses }
  return [
    new ConfusionMatrix(options),
    new BoundaryF(options),
    new BoundaryIou(options),
    new TrimapIou(options),
    new SurfaceDistances(options),
    new SurfaceDistances({ numClasses: numClasses + 1, ignoreIndex: null }),
  ]
}

/** An image without void pixels, so that it is valid for every ignore index. */
function withoutVoid(seed: number) {
  const image = blobs(seed)
  return {
    ...image,
    target: image.target.map((t) => (t === 255 ? 0 : t)),
    prediction: image.prediction.map((p) => (p === 255 ? 1 : p)),
  }
}

describe('updateMetrics', () => {
  it('returns what separate updates return', () => {
    const [together, apart] = [create(), create()]
    for (const seed of [1, 2, 3]) {
      const image = withoutVoid(seed)
      updateMetrics(together, image)
      for (const metric of apart) metric.update(image)
    }
    expect(together.map((metric) => metric.toJSON())).toEqual(apart.map((metric) => metric.toJSON()))
  })

  it('reads arrays again that the caller has written to', () => {
    const [first, second] = [withoutVoid(1), withoutVoid(2)]
    const reused = { ...first, target: first.target.slice(), prediction: first.prediction.slice() }
    const [together, apart] = [create(), create()]
    for (const image of [first, second]) {
      reused.target.set(image.target)
      reused.prediction.set(image.prediction)
      updateMetrics(together, reused)
      for (const metric of apart) metric.update(image)
    }
    expect(together.map((metric) => metric.toJSON())).toEqual(apart.map((metric) => metric.toJSON()))
  })

  it('reads an image once for metrics with the same options', () => {
    const image = withoutVoid(1)
    const metrics = [1, 2, 3].map(() => new BoundaryIou({ numClasses: 5 }))
    const writer = { update: () => void image.target.fill(7) }
    // The second metric would reject the ids that this one writes, if it read them.
    expect(() => updateMetrics([metrics[0], writer, metrics[1]], image)).not.toThrow()
    expect(metrics[1].toJSON()).toEqual(metrics[0].toJSON())
    expect(() => metrics[2].update(image)).toThrow('target id 7')
  })

  it('names an invalid id, and reads the next image', () => {
    const image = withoutVoid(1)
    const invalid = { ...image, target: image.target.slice().fill(7) }
    const [metric, other] = [new BoundaryIou({ numClasses: 5 }), new BoundaryIou({ numClasses: 5 })]
    expect(() => updateMetrics([metric, other], invalid)).toThrow('target id 7 at column 0, row 0')
    updateMetrics([metric], image)
    other.update(image)
    expect(metric.toJSON()).toEqual(other.toJSON())
  })
})
