// Moves a displaced soft boundary by the InverseForm loss alone, once with `sigmoid` and once with the published one.

import { type InverseFormLossOptions, inverseFormLoss, inverseNet } from '@inverseform/core'
import { type ArrayTensor, arrayOps, valueAndGrad } from '@inverseform/core/array'
import { smallInverseNet } from '@inverseform/core/small-inverse-net'
import { adam, transformMaps } from '@inverseform/core/training'
import { demoScenes, figure } from './lib/paths.js'
import { type Picture, type Series, writeFigure } from './lib/plot.js'
import { readBoundaries } from './lib/scenes.js'

const steps = 200
/** The initial displacement of the boundary, in pixels. */
const start = [2.5, -2] as const
const tileGrid = [2, 4] as const
/** A crop of a held-out scene: the tiles plus a margin that a displacement can bring into view. */
const margin = 8
const place = { top: 52, left: 110 }
const [height, width] = tileGrid.map((tiles) => tiles * 28) as [number, number]
const [outerHeight, outerWidth] = [height + 2 * margin, width + 2 * margin]

const ops = arrayOps()
const regressor = inverseNet(ops, smallInverseNet().weights)
const scene = (await readBoundaries(demoScenes, 'val', 2))[4]
const cut = (border: number) =>
  Uint8Array.from({ length: (height + 2 * border) * (width + 2 * border) }, (_, p) => {
    const across = width + 2 * border
    const [row, column] = [place.top - border + Math.floor(p / across), place.left - border + (p % across)]
    return scene.data[row * scene.width + column]
  })
const edgeTarget = cut(0)
const boundary = ops.constant(cut(margin), [1, 1, outerHeight, outerWidth])

/** Returns the edge logits of a boundary that is correct except for a displacement in pixels, [2], which is optimized. */
function logits(displacement: ArrayTensor): ArrayTensor {
  // Content that moves by +x is sampled at -x.
  const [x, y] = [0, 1].map((axis) => ops.slice(displacement, [axis], [1])) as [ArrayTensor, ArrayTensor]
  const fixed = (...values: number[]) => ops.constant(values, [values.length])
  const matrix = ops.concat(
    [
      fixed(1, 0),
      ops.multiply(x, -2 / outerWidth),
      fixed(0, 1),
      ops.multiply(y, -2 / outerHeight),
      fixed(0, 0, 1),
    ],
    0,
  )
  const moved = transformMaps(ops, boundary, ops.reshape(matrix, [1, 3, 3]))
  const seen = ops.slice(moved, [0, 0, margin, margin], [1, 1, height, width])
  // Probabilities from 0.02 to 0.98.
  return ops.multiply(ops.subtract(seen, 0.5), 8)
}

function optimize(activation: NonNullable<InverseFormLossOptions['activation']>) {
  const displacement = Float32Array.from(start)
  const update = adam([displacement])
  const loss = (at: ArrayTensor) =>
    inverseFormLoss(
      ops,
      { edgeLogits: logits(at), edgeTarget: edgeTarget, regressor },
      { activation, size: [height, width], tileGrid },
    )
  const differentiated = valueAndGrad(loss)
  const distances: [number, number][] = []
  const losses: [number, number][] = []
  for (let step = 0; ; step++) {
    const { value, gradients } = differentiated(ops.constant(displacement.slice(), [2]))
    distances.push([step, Math.hypot(...displacement)])
    losses.push([step, value])
    if (step === steps) break
    update([gradients[0].data], 0.05 * (1 - step / steps))
  }
  const [first, last] = [distances[0][1], distances.at(-1)![1]]
  console.log(
    `${activation}: ${first.toFixed(2)} → ${last.toFixed(2)} pixels from the target; loss ${losses[0][1].toFixed(3)} → ${losses.at(-1)![1].toFixed(3)}`,
  )
  return { displacement, distances, losses }
}

const ours = optimize('sigmoid')
const published = optimize('log_softmax')

const curves = (key: 'distances' | 'losses'): Series[] => [
  { name: 'sigmoid', kind: 'line', color: '#1f6fb4', points: ours[key] },
  { name: 'log_softmax, as published', kind: 'line', color: '#d1495b', points: published[key] },
]
const picture = (title: string, displacement: ArrayLike<number>): Picture => ({
  title,
  height,
  width,
  layers: [
    { color: '#e9a23b', data: edgeTarget },
    { color: '#1f6fb4', data: ops.sigmoid(logits(ops.constant(displacement, [2]))).data },
  ],
})
await writeFigure(figure('inverseform-boundary-toy.svg'), [
  [
    {
      title: 'Distance from the target',
      x: 'step',
      y: 'pixels',
      from: 0,
      legend: 0.4,
      series: curves('distances'),
    },
    { title: 'InverseForm loss', x: 'step', y: 'loss', from: 0, legend: 0.4, series: curves('losses') },
  ],
  [
    picture('Start: prediction on target', start),
    picture(`sigmoid, after ${steps} steps`, ours.displacement),
    picture(`log_softmax, after ${steps} steps`, published.displacement),
  ],
])
