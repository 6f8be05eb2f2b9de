import { randomInteger, seededRandom } from '@inverseform/shared'
import {
  deterministicParameter,
  deterministicSource,
  expectClose,
  type FloatTensor,
  imageTensor,
} from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import { sameShape } from '../../src/graph/dim.js'
import {
  add,
  batchNorm,
  concat,
  constant,
  conv2d,
  flattenSpatial,
  forCpu,
  type Graph,
  imageInput,
  input,
  matmul,
  type PassName,
  passes,
  peakActivationBytes,
  relu,
  resizeLike,
  sigmoid,
  softmax,
  topologicalOrder,
  transpose,
  unflattenSpatialLike,
  type Value,
} from '../../src/graph/index.js'
import { buildModel, type SegmentationModelName, zoo } from '../../src/index.js'
import { randomGraph } from '../support/random-graph.js'
import { startGraph } from '../support/session.js'

const weight = (name: string, ...shape: number[]) =>
  constant(name, shape, async () => deterministicParameter(name, shape))
const norm = (x: Value, name: string) => {
  const parameter = (leaf: string) => weight(`${name}.${leaf}`, x.shape[1] as number)
  return batchNorm(x, {
    scale: parameter('weight'),
    shift: parameter('bias'),
    mean: parameter('running_mean'),
    variance: parameter('running_var'),
  })
}
const image = imageInput('image', 3)

/** The graph's numbers, as written: without the runtime's own optimizations. */
async function outputsOf(graph: Graph, input: FloatTensor) {
  await using session = await startGraph(graph, { graphOptimizationLevel: 'disabled' })
  return await session.run({ image: input })
}

async function expectSameNumbers(graph: Graph, changed: Graph, input: FloatTensor): Promise<void> {
  const [before, after] = [await outputsOf(graph, input), await outputsOf(changed, input)]
  expect(Object.keys(after)).toEqual(Object.keys(before))
  for (const name of Object.keys(before)) expectClose(after[name], before[name], 1e-5)
}

const ops = (graph: Graph, op: Value['op']) => topologicalOrder(graph).filter((value) => value.op === op)

describe('on random graphs', () => {
  const chains: PassName[][] = [
    ['foldBatchNorm'],
    ['commuteResize'],
    ['foldBatchNorm', 'commuteResize', 'mergeStem'],
    ['commuteResize', 'foldBatchNorm'],
    ['splitConcat'],
    Object.keys(passes) as PassName[],
  ]
  test.each(chains.map((chain) => [chain.join(', '), chain] as const))(
    '%s keep the numbers',
    async (_, chain) => {
      let changes = 0
      for (let seed = 1; seed <= 60; seed++) {
        const graph = randomGraph(seed)
        const changed = chain.reduce((g, pass) => passes[pass](g), graph)
        if (topologicalOrder(changed).every((value, i) => value === topologicalOrder(graph)[i])) continue
        changes++
        await expectSameNumbers(graph, changed, imageTensor(`seed ${seed}`, 8 + (seed % 9), 19, 2))
      }
      expect(changes).toBeGreaterThan(20)
    },
  )
})

describe('foldBatchNorm', () => {
  test('folds a convolution without a bias and one with', async () => {
    const plain = norm(conv2d(image, weight('a.weight', 4, 3, 3, 3)), 'na')
    const biased = norm(conv2d(plain, weight('b.weight', 5, 4, 1, 1), weight('b.bias', 5)), 'nb')
    const folded = passes.foldBatchNorm({ outputs: { y: biased } })
    expect(ops(folded, 'batchNorm')).toEqual([])
    await expectSameNumbers({ outputs: { y: biased } }, folded, imageTensor('x', 9, 8))
  })

  test('leaves a convolution alone that something else reads', async () => {
    const shared = conv2d(image, weight('a.weight', 4, 3, 3, 3), undefined, { padding: 1 })
    for (const outputs of [{ y: add(norm(shared, 'n'), shared) }, { y: norm(shared, 'n'), shared }]) {
      expect(ops(passes.foldBatchNorm({ outputs } as Graph), 'batchNorm')).toHaveLength(1)
    }
    const after = passes.foldBatchNorm({ outputs: { y: norm(relu(shared), 'n') } })
    expect(ops(after, 'batchNorm')).toHaveLength(1)
  })
})

describe('commuteResize', () => {
  const fine = conv2d(image, weight('fine.weight', 2, 3, 1, 1))
  const coarse = conv2d(image, weight('coarse.weight', 3, 3, 3, 3), undefined, { stride: 2, padding: 1 })
  const joined = concat([fine, resizeLike(coarse, fine)], 1)

  test('makes a sum of a 1x1 convolution over a concatenation', async () => {
    const y = conv2d(joined, weight('head.weight', 4, 5, 1, 1), weight('head.bias', 4))
    const commuted = passes.commuteResize({ outputs: { y } })
    expect(ops(commuted, 'concat')).toEqual([])
    const [resize] = ops(commuted, 'resizeLike')
    expect(resize.inputs[0].op).toBe('conv2d')
    await expectSameNumbers({ outputs: { y } }, commuted, imageTensor('x', 11, 14))
  })

  test('leaves convolutions alone that look at neighbors or skip pixels', () => {
    for (const y of [
      conv2d(joined, weight('w.weight', 4, 5, 3, 3)),
      conv2d(joined, weight('w.weight', 4, 5, 1, 1), undefined, { stride: 2 }),
      conv2d(joined, weight('w.weight', 4, 5, 1, 1), undefined, { padding: 1 }),
      conv2d(fine, weight('w.weight', 4, 2, 1, 1)),
    ]) {
      expect(passes.commuteResize({ outputs: { y } }).outputs.y).toBe(y)
    }
  })
})

describe('convolveSmall', () => {
  const fine = conv2d(image, weight('fine.weight', 2, 3, 3, 3), undefined, { padding: 1 })
  const coarse = (channels: number, stride: number) =>
    conv2d(image, weight(`${stride}.weight`, channels, 3, 3, 3), undefined, { stride, padding: 1 })
  const head = (x: Value, kernel: number, options = { padding: kernel >> 1 }) =>
    conv2d(x, weight('head.weight', 6, x.shape[1] as number, kernel, kernel), weight('head.bias', 6), options)
  const joined = concat([fine, ...[16, 32].map((stride) => resizeLike(coarse(40, stride), fine))], 1)
  const largest = (graph: Graph) =>
    ops(graph, 'conv2d').filter(
      ({ inputs: [x] }) => x !== image && sameShape(x.shape.slice(2), fine.shape.slice(2)),
    )

  test.each([1, 3, 5])('convolves small maps by a kernel of %i before their resize', async (kernel) => {
    const y = head(joined, kernel)
    const changed = passes.convolveSmall({ outputs: { y } })
    expect(ops(changed, 'resizeLike')).toEqual([])
    expect(largest(changed).map(({ inputs: [x] }) => x.shape[1])).toEqual([2])
    // Sizes that the strides divide, and others down to a single row; two images.
    for (const [width, height] of [
      [64, 32],
      [77, 45],
      [33, 1],
    ]) {
      await expectSameNumbers({ outputs: { y } }, changed, imageTensor('x', width, height, 2))
    }
  })

  test('keeps maps that are not much smaller, and small ones before them', async () => {
    const parts = [fine, resizeLike(coarse(40, 32), fine), resizeLike(coarse(3, 2), fine)]
    for (const order of [parts, [parts[0], parts[2], parts[1]]]) {
      const y = head(concat(order, 1), 3)
      const changed = passes.convolveSmall({ outputs: { y } })
      expect(ops(changed, 'resizeLike')).toHaveLength(order === parts ? 2 : 1)
      await expectSameNumbers({ outputs: { y } }, changed, imageTensor('x', 70, 40))
    }
  })

  test('reads a weight once', async () => {
    let reads = 0
    const shape = [6, joined.shape[1] as number, 3, 3]
    const counted = constant('w', shape, async () => {
      reads++
      return deterministicParameter('w.weight', shape)
    })
    const y = conv2d(joined, counted, undefined, { padding: 1 })
    const changed = passes.convolveSmall({ outputs: { y } })
    for (const expected of [2, 4]) {
      await outputsOf(changed, imageTensor('x', 64, 32))
      // Once for the large maps, and once for all taps of the small ones.
      expect(reads).toBe(expected)
    }
  })

  test('leaves convolutions alone that change the size, or that read no resized maps', () => {
    const only = concat([resizeLike(coarse(40, 32), fine), resizeLike(coarse(40, 16), fine)], 1)
    for (const y of [
      head(joined, 3, { padding: 0 }),
      head(joined, 2, { padding: 1 }),
      conv2d(joined, weight('head.weight', 6, 82, 3, 3), undefined, { padding: 1, stride: 2 }),
      head(concat([fine, fine], 1), 3),
      head(only, 3),
      head(fine, 3),
    ]) {
      expect(passes.convolveSmall({ outputs: { y } }).outputs.y).toBe(y)
    }
  })
})

describe('splitConcat', () => {
  const [a, b, c] = [2, 3, 4].map((n) => conv2d(image, weight(`${n}.weight`, n, 3, 1, 1)))
  const joined = concat([a, b, c], 1)

  test.each([
    [1, 1, 0],
    [3, 1, 1],
    [3, 2, 0],
    [5, 3, 4],
  ])('makes a sum of a %ix%i convolution of stride %i', async (kernel, stride, padding) => {
    for (const bias of [undefined, weight('w.bias', 6)]) {
      const y = conv2d(joined, weight('w.weight', 6, 9, kernel, kernel), bias, { stride, padding })
      const split = passes.splitConcat({ outputs: { y } })
      expect(ops(split, 'concat')).toEqual([])
      const sizes = ops(split, 'conv2d').map(({ inputs }) => inputs[1].shape)
      expect(sizes.filter(([outputs]) => outputs === 6).map(([, inputs]) => inputs)).toEqual([4, 3, 2])
      await expectSameNumbers({ outputs: { y } }, split, imageTensor('x', 12, 15, 2))
    }
  })

  test('leaves a concatenation whole that something else reads, or that is along another axis', () => {
    const y = conv2d(joined, weight('w.weight', 6, 9, 3, 3))
    for (const outputs of [
      { y, joined },
      { y, z: relu(joined) },
    ] as Graph['outputs'][]) {
      expect(passes.splitConcat({ outputs }).outputs.y).toBe(y)
    }
    const rows = input('x', [1, 3, 4, 8])
    const stacked = conv2d(concat([rows, rows], 2), weight('w.weight', 6, 3, 3, 3))
    expect(passes.splitConcat({ outputs: { stacked } }).outputs.stacked).toBe(stacked)
  })

  test('splits it for all the convolutions that read it', async () => {
    const [y, z] = [3, 1].map((k) => conv2d(joined, weight(`w${k}.weight`, 6, 9, k, k)))
    const split = passes.splitConcat({ outputs: { y, z } })
    expect(ops(split, 'concat')).toEqual([])
    await expectSameNumbers({ outputs: { y, z } }, split, imageTensor('x', 7, 9))
  })
})

describe('splitHidden', () => {
  const wide = conv2d(image, weight('wide.weight', 20, 3, 3, 3), weight('wide.bias', 20), { padding: 1 })
  const narrow = (x: Value) =>
    conv2d(x, weight('narrow.weight', 5, x.shape[1] as number, 3, 3), weight('narrow.bias', 5), {
      padding: 1,
    })
  const widest = (graph: Graph) =>
    Math.max(...topologicalOrder(graph).map(({ shape }) => Number(shape[1] ?? 0)))

  test('makes a layer in parts no larger than what is needed whole', async () => {
    for (const y of [narrow(relu(wide)), narrow(sigmoid(wide)), narrow(wide)]) {
      const split = passes.splitHidden({ outputs: { y } })
      // The 5 channels of the output are the largest whole; weights are small against a common image.
      expect(widest(split)).toBe(5)
      expect(ops(split, 'conv2d')).toHaveLength(8)
      await expectSameNumbers({ outputs: { y } }, split, imageTensor('x', 11, 14, 2))
    }
  })

  test('sees through sums and resizes', async () => {
    const random = seededRandom(11)
    for (let round = 0; round < 30; round++) {
      const channels = randomInteger(random, 11, 30)
      const term = (_: unknown, i: number) => {
        const [kernel, stride] = [2 * randomInteger(random, 0, 1) + 1, randomInteger(random, 1, 3)]
        const bias = random() < 0.5 ? weight(`${i}.bias`, channels) : undefined
        const options = { stride, padding: kernel >> 1 }
        const map = conv2d(image, weight(`${i}.weight`, channels, 3, kernel, kernel), bias, options)
        return stride > 1 ? resizeLike(map, image) : map
      }
      const sum = Array.from({ length: randomInteger(random, 1, 4) }, term).reduce(add)
      const y = narrow([relu, sigmoid, (x: Value) => x][randomInteger(random, 0, 2)](sum))
      const split = passes.splitHidden({ outputs: { y } })
      expect(widest(split)).toBe(5)
      await expectSameNumbers({ outputs: { y } }, split, imageTensor('x', 10, 13))
    }
  })

  test('leaves layers alone that are small, read twice or needed whole', () => {
    const small = conv2d(image, weight('small.weight', 40, 3, 3, 3), undefined, { stride: 4 })
    for (const outputs of [{ y: narrow(relu(small)) }, { y: narrow(wide), wide }] as Graph['outputs'][]) {
      expect(passes.splitHidden({ outputs }).outputs.y).toBe(outputs.y)
    }
    const twice = { y: narrow(relu(wide)), z: narrow(sigmoid(wide)) }
    expect(passes.splitHidden({ outputs: twice }).outputs).toEqual(twice)
    const oneForAll = narrow(add(wide, conv2d(image, weight('one.weight', 1, 3, 1, 1))))
    expect(passes.splitHidden({ outputs: { oneForAll } }).outputs.oneForAll).toBe(oneForAll)
    const normed = narrow(norm(wide, 'n'))
    expect(passes.splitHidden({ outputs: { normed } }).outputs.normed).toBe(normed)
  })
})

describe('splitChannels', () => {
  // At 1024x2048, 8 channels at full size are the widest part.
  const wide = relu(
    conv2d(image, weight('wide.weight', 20, 3, 3, 3), weight('wide.bias', 20), { padding: 1 }),
  )
  const narrow = (x: Value, name = 'narrow') =>
    conv2d(x, weight(`${name}.weight`, 5, x.shape[1] as number, 1, 1), weight(`${name}.bias`, 5))
  const widest = (graph: Graph) =>
    Math.max(
      ...topologicalOrder(graph)
        .filter(({ shape }) => sameShape(shape.slice(2), image.shape.slice(2)))
        .map(({ shape }) => Number(shape[1])),
    )
  const expectParts = async (outputs: Graph['outputs']) => {
    const split = passes.splitChannels({ outputs })
    expect(widest(split)).toBeLessThanOrEqual(8)
    await expectSameNumbers({ outputs }, split, imageTensor('x', 13, 10, 2))
    return split
  }

  test('computes wide maps in parts that are never joined', async () => {
    const second = relu(conv2d(wide, weight('second.weight', 12, 20, 3, 3), undefined, { padding: 1 }))
    const split = await expectParts({ y: narrow(concat([second, sigmoid(wide)], 1)), z: narrow(wide, 'z') })
    expect(ops(split, 'concat')).toEqual([])
    // 3 parts of the first map; 2 of the second, each a sum over 3; two outputs over 5 and 3 parts.
    expect(ops(split, 'conv2d')).toHaveLength(3 + 2 * 3 + 5 + 3)
  })

  test('sees through sums of convolutions before and after a resize', async () => {
    const coarse = conv2d(image, weight('coarse.weight', 40, 3, 3, 3), undefined, { stride: 16, padding: 1 })
    const head = weight('head.weight', 20, 43, 3, 3)
    const joined = conv2d(concat([image, resizeLike(coarse, image)], 1), head, undefined, { padding: 1 })
    const convolved = passes.convolveSmall({ outputs: { y: narrow(relu(joined)) } })
    expect(ops(convolved, 'resizeWeights')).not.toEqual([])
    await expectParts(convolved.outputs)
  })

  test('gathers objects and attends to them, as OCRNet does', async () => {
    const share = softmax(flattenSpatial(narrow(wide)), 2)
    const objects = matmul(flattenSpatial(wide), transpose(share, 0, 2, 1))
    const context = unflattenSpatialLike(
      matmul(objects, softmax(flattenSpatial(narrow(wide, 'query')), 1)),
      wide,
    )
    const split = passes.splitChannels({ outputs: { y: narrow(context, 'y'), objects } })
    await expectSameNumbers(
      { outputs: { y: narrow(context, 'y'), objects } },
      split,
      imageTensor('x', 13, 10, 2),
    )
    // The vectors of the objects are joined; maps are not.
    expect(ops(split, 'concat').map(({ shape }) => shape.length)).toEqual([3])
  })

  test('joins what an operator needs whole, and outputs', async () => {
    const mixed = conv2d(softmax(wide, 1), weight('mixed.weight', 2, 20, 1, 1))
    for (const outputs of [{ y: narrow(wide), wide }, { y: mixed }, { y: add(wide, wide) }]) {
      const split = passes.splitChannels({ outputs } as unknown as Graph)
      expect(ops(split, 'concat')).toHaveLength(1)
      await expectSameNumbers({ outputs } as unknown as Graph, split, imageTensor('x', 13, 10))
    }
  })

  test('leaves narrow maps alone', () => {
    const y = narrow(relu(conv2d(image, weight('few.weight', 8, 3, 3, 3))))
    expect(passes.splitChannels({ outputs: { y } }).outputs.y).toBe(y)
  })
})

describe('flattenPointwise', () => {
  const wide = conv2d(image, weight('wide.weight', 128, 3, 1, 1))
  const pointwise = (x: Value, options = {}) =>
    conv2d(x, weight('p.weight', 64, x.shape[1] as number, 1, 1), weight('p.bias', 64), options)

  test('makes products of wide 1x1 convolutions, with their activation', async () => {
    const outputs = { y: relu(pointwise(wide)), z: sigmoid(pointwise(relu(wide))) }
    const flat = passes.flattenPointwise({ outputs })
    expect(ops(flat, 'pointwise')).toHaveLength(2)
    expect(
      ops(flat, 'relu')
        .map(({ inputs: [x] }) => x.op)
        .sort(),
    ).toEqual(['conv2d', 'pointwise'])
    await expectSameNumbers({ outputs }, flat, imageTensor('x', 13, 7, 2))
  })

  test('leaves convolutions alone that are narrow, skip pixels or look at neighbors', () => {
    const narrow = conv2d(image, weight('narrow.weight', 64, 3, 1, 1))
    const neighbors = conv2d(wide, weight('n.weight', 64, 128, 3, 3))
    for (const y of [pointwise(narrow), pointwise(wide, { stride: 2 }), neighbors]) {
      expect(passes.flattenPointwise({ outputs: { y } }).outputs.y).toBe(y)
    }
  })
})

describe('mergeStem', () => {
  const first = conv2d(image, weight('first.weight', 3, 3, 2, 2), undefined, { stride: 2 })
  const second = conv2d(first, weight('second.weight', 6, 3, 3, 3), weight('second.bias', 6), {
    stride: 2,
    padding: 1,
  })

  test('makes one 6x6 convolution of stride 4 of 2x2 and 3x3 of stride 2', async () => {
    const merged = passes.mergeStem({ outputs: { y: second } })
    const [conv] = ops(merged, 'conv2d')
    expect(ops(merged, 'conv2d')).toHaveLength(1)
    expect(conv.inputs[1].shape).toEqual([6, 3, 6, 6])
    expect(conv.attributes).toEqual({ stride: [4, 4], padding: [2, 2] })
    await expectSameNumbers({ outputs: { y: second } }, merged, imageTensor('x', 22, 36, 2))
  })

  test('merges convolutions of other sizes, strides and paddings', async () => {
    const random = seededRandom(7)
    for (let round = 0; round < 30; round++) {
      const [patch, kernel, stride, padding] = [4, 5, 3, 2].map((most) => randomInteger(random, 1, most))
      const inner = conv2d(image, weight('i.weight', 2, 3, patch, patch), undefined, { stride: patch })
      const y = conv2d(inner, weight('o.weight', 4, 2, kernel, kernel), undefined, { stride, padding })
      const merged = passes.mergeStem({ outputs: { y } })
      expect(ops(merged, 'conv2d')).toHaveLength(1)
      await expectSameNumbers({ outputs: { y } }, merged, imageTensor('x', patch * 7, patch * 9))
    }
  })

  test('leaves a first convolution alone that overlaps, is padded, has a bias or another reader', () => {
    const outer = (x: Value) => conv2d(x, weight('second.weight', 6, 3, 3, 3))
    const w = weight('w.weight', 3, 3, 2, 2)
    for (const y of [
      outer(conv2d(image, w)),
      outer(conv2d(image, w, undefined, { stride: 2, padding: 1 })),
      outer(conv2d(image, w, weight('w.bias', 3), { stride: 2 })),
    ]) {
      expect(passes.mergeStem({ outputs: { y } }).outputs.y).toBe(y)
    }
    expect(passes.mergeStem({ outputs: { y: second, first } }).outputs.y).toBe(second)
  })
})

describe.each(Object.keys(zoo) as SegmentationModelName[])('on %s', (model) => {
  const built = buildModel(model, { parameters: deterministicSource(), edgeHead: true })

  test('no normalization is left after foldBatchNorm', () => {
    const norms = ops(built, 'batchNorm').length
    const folded = passes.foldBatchNorm(built)
    expect(norms).toBeGreaterThan(100)
    expect(ops(folded, 'batchNorm')).toEqual([])
    expect(ops(folded, 'conv2d')).toHaveLength(ops(built, 'conv2d').length)
  })

  test('no 1x1 convolution reads the joined branches after commuteResize', () => {
    const readers = (graph: Graph) =>
      ops(graph, 'conv2d').filter(({ inputs: [x, w] }) => {
        const joins = x.op === 'concat' && x.inputs.some((part) => part.op === 'resizeLike')
        return joins && w.shape[2] === 1
      })
    expect(readers(built).length).toBeGreaterThan(0)
    expect(readers(passes.commuteResize(built))).toEqual([])
  })

  test('no 3x3 convolution reads maps that were enlarged four times or more after convolveSmall', () => {
    const enlarged = (graph: Graph) =>
      ops(graph, 'conv2d').flatMap(({ inputs: [x, w] }) =>
        x.op === 'concat' && w.shape[2] === 3
          ? x.inputs.slice(2).filter((part) => part.op === 'resizeLike')
          : [],
      )
    expect(enlarged(built)).toHaveLength(model.startsWith('ocrnet48') ? 2 : 0)
    expect(enlarged(passes.convolveSmall(built))).toEqual([])
  })

  test('forCpu computes only OCRNet in parts', () => {
    const folded = passes.foldBatchNorm(built)
    const size = { N: 1, H: 1024, W: 2048 }
    const [before, after] = [folded, forCpu(folded)].map((graph) => peakActivationBytes(graph, size))
    if (model.startsWith('ocrnet48')) {
      expect(after).toBeLessThan(0.7 * before)
    } else {
      const convolved = passes.convolveSmall(folded)
      expect(ops(forCpu(folded), 'conv2d')).toHaveLength(ops(convolved, 'conv2d').length)
    }
  })

  test('forCpu flattens wide 1x1 convolutions only for processors without AVX-512', () => {
    const folded = passes.foldBatchNorm(built)
    expect(ops(forCpu(folded), 'pointwise')).toEqual([])
    expect(ops(forCpu(folded, { avx512: false }), 'pointwise')).not.toEqual([])
  })

  test('mergeStem changes the slim model only', () => {
    const before = ops(built, 'conv2d').length
    const after = ops(passes.mergeStem(built), 'conv2d').length
    expect(before - after).toBe(model === 'hrnet16-slim' ? 1 : 0)
  })
})
