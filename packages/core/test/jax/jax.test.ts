import {
  type Binding,
  checkInverseNet,
  checkLosses,
  checkPrimitives,
  checkRelatedLosses,
  checkSorting,
  checkTraining,
  goldenInputs,
  relativeError,
} from '@inverseform/testing/losses'
import { grad, jit, numpy as np, valueAndGrad } from '@jax-js/jax'
import { describe, expect, it, vi } from 'vitest'
import { jointLoss, lovaszSoftmaxLoss, type PlainTensor } from '../../src/index.js'
import { consuming, jaxOps } from '../../src/jax/index.js'

const ops = jaxOps()
const put = ({ data, shape }: PlainTensor) => np.array(Float32Array.from(data), { shape: [...shape] })
const take = (x: np.Array): PlainTensor => {
  const { shape } = x
  return { data: x.dataSync() as Float32Array, shape }
}

const binding: Binding<np.Array> = {
  ops,
  run: (f, inputs) => take(consuming(f)(...inputs.map(put))),
  differentiate(f, inputs) {
    const both = valueAndGrad(consuming(f), { argnums: inputs.map((_, i) => i) })
    const [value, gradients] = both(...inputs.map(put))
    return { value: value.item(), gradients: gradients.map(take) }
  },
}

describe('operations on jax-js', () => checkPrimitives(binding))
describe('losses on jax-js', () => checkLosses(binding))
describe('sums in sorted order on jax-js', () => checkSorting(binding))
describe('related losses on jax-js', () => checkRelatedLosses(binding))
describe('training on jax-js', () => checkTraining(binding))
describe('losses on jax-js with InverseNet', () => checkInverseNet(binding))

describe('ownership', () => {
  const { seg, edgeLogits, target, edgeTarget } = goldenInputs()
  const joint = (logits: np.Array, x: np.Array) =>
    jointLoss(ops, { logits, edgeLogits: x, target, edgeTarget }, { weights: { inverseForm: 0 } })

  it('operations do not consume their operands', () => {
    const x = put(edgeLogits)
    const y = ops.add(ops.exp(x), x)
    expect([x.refCount, y.refCount]).toEqual([1, 1])
    x.dispose()
    y.dispose()
  })

  it('a consuming function consumes its arguments, frees intermediate arrays and returns an owned result', () => {
    const kept = put(edgeLogits)
    const given = put(edgeLogits)
    let between: np.Array | undefined
    const result = consuming((x: np.Array, y: np.Array) => {
      between = ops.exp(x)
      return ops.add(between, y)
    })(kept.ref, given)
    expect([kept, given, between!, result].map((x) => x.refCount)).toEqual([1, 0, 0, 1])
    kept.dispose()
    result.dispose()
  })

  it('can return an argument or an outside array', () => {
    const outside = put(edgeLogits)
    const x = put(edgeLogits)
    expect(consuming((y: np.Array) => y)(x)).toBe(x)
    expect(x.refCount).toBe(1)
    expect(consuming((_: np.Array) => outside)(x)).toBe(outside)
    expect([x.refCount, outside.refCount]).toEqual([0, 2])
    outside.dispose()
    outside.dispose()
  })

  it('accepts and returns lists and objects, and can be nested', () => {
    const inner = consuming((x: np.Array) => ops.exp(x))
    const outer = consuming(({ x }: { x: np.Array }, ys: np.Array[]) => {
      const y = inner(x.ref)
      const sum = ops.add(y, ys[0])
      y.dispose()
      return { sum, twice: [ops.add(sum, sum)] }
    })
    const [x, y] = [put(edgeLogits), put(edgeLogits)]
    const { sum, twice } = outer({ x }, [y])
    expect([x, y, sum, twice[0]].map((z) => z.refCount)).toEqual([0, 0, 1, 1])
    const expected = edgeLogits.data.map((z) => 2 * (Math.exp(z) + z))
    expect(relativeError(take(twice[0]).data, expected)).toBeLessThan(1e-6)
    sum.dispose()
  })

  it('frees intermediate arrays on an error', () => {
    const x = put(edgeLogits)
    let between: np.Array | undefined
    const failing = consuming((y: np.Array) => {
      between = ops.exp(y)
      return ops.matmul(between, ops.constant([1, 2, 3, 4, 5, 6], [3, 1, 2]))
    })
    expect(() => failing(x)).toThrow()
    expect([x.refCount, between!.refCount]).toEqual([0, 0])
  })

  it('repeated gradients of the joint loss use no more memory', () => {
    const gradients = valueAndGrad(consuming(joint), { argnums: [0, 1] })
    const step = () => {
      const [value, [forLogits, forEdge]] = gradients(put(seg), put(edgeLogits))
      for (const x of [value, forLogits, forEdge]) x.dataSync()
    }
    for (let i = 0; i < 3; i++) step()
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow')
    for (let i = 0; i < 10; i++) step()
    expect(grow).not.toHaveBeenCalled()
    grow.mockRestore()
  })

  it('compiles with and without gradient', () => {
    const eager = consuming(joint)(put(seg), put(edgeLogits)).item()
    const compiled = jit(consuming(joint))
    expect(Math.abs(compiled(put(seg), put(edgeLogits)).item() / eager - 1)).toBeLessThan(1e-5)
    expect(Math.abs(compiled(put(seg), put(edgeLogits)).item() / eager - 1)).toBeLessThan(1e-5)
    const gradient = take(jit(grad(consuming(joint)))(put(seg), put(edgeLogits)))
    const expected = take(grad(consuming(joint))(put(seg), put(edgeLogits)))
    expect(relativeError(gradient.data, expected.data)).toBeLessThan(1e-4)
    compiled.dispose()
  })

  it('compiles Lovász-softmax', () => {
    const loss = consuming((logits: np.Array) => lovaszSoftmaxLoss(ops, { logits, target }))
    const compiled = jit(loss)
    expect(Math.abs(compiled(put(seg)).item() / loss(put(seg)).item() - 1)).toBeLessThan(1e-5)
    compiled.dispose()
  })
})
