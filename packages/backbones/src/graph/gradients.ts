import { InverseFormError } from '@inverseform/errors'
import { type Bindings, evaluateShape, formatShape } from './dim.js'
import { input, scalar } from './leaves.js'
import { apply, operators } from './operators/index.js'
import type { Operator } from './operators/operator.js'
import { broadcastExpansions } from './passes/broadcast-expansions.js'
import { rewrite } from './passes/rewrite.js'
import { shareValues } from './passes/share-values.js'
import { type ComputedName, type Graph, topologicalOrder, type Value } from './value.js'

/** Returns the name of the output that {@link gradients} adds for a parameter. */
export const gradientName = (parameter: string): string => `${parameter}.grad`

/**
 * Returns a graph with known sizes: its inputs have the shapes that the symbols' values give.
 *
 * @throws InverseFormError `invalid-argument` when a symbol has no value
 */
export function bindSizes(graph: Graph, bindings: Bindings): Graph {
  return rewrite(graph, (value) =>
    value.op === 'input' ? input(value.attributes.name, evaluateShape(value.shape, bindings)) : value,
  )
}

/**
 * Adds the gradients of a loss to a graph, by reverse-mode differentiation. The result has the outputs of the graph, and for each
 * parameter an output {@link gradientName} of the parameter's shape. A parameter that the loss does not depend on gets zeros.
 *
 * @param loss the output that holds the loss, a scalar
 * @param parameters names of inputs
 * @throws InverseFormError `invalid-argument` for another output or input, a loss that is not a scalar, symbolic sizes, or an
 *   operator without gradient between parameter and loss
 */
export function gradients(given: Graph, loss: string, parameters: readonly string[]): Graph {
  // Gradients of a value that is used twice are summed before they go on, so sharing halves the work behind it.
  const graph = shareValues(given)
  const order = topologicalOrder(graph)
  const inputs = new Map(
    order.flatMap((value) => (value.op === 'input' ? [[value.attributes.name, value]] : [])),
  )
  const wanted = parameters.map((name) => {
    const value = inputs.get(name)
    if (value) return value
    throw new InverseFormError(
      'invalid-argument',
      `\`parameters\` must name inputs of the graph, got "${name}".`,
      {
        hint: `The inputs are ${[...inputs.keys()].slice(0, 8).join(', ')}.`,
      },
    )
  })
  const root = graph.outputs[loss]
  if (root?.shape.length !== 0) {
    const got = root ? `an output of shape ${formatShape(root.shape)}` : 'no such output'
    throw new InverseFormError('invalid-argument', `\`loss\` must name a scalar output, got ${got}.`, {
      hint: 'Reduce the loss to a number, such as with reduceSum.',
    })
  }
  const found = gradientsOf(root, wanted)
  const outputs = wanted.map(({ shape }, i) => {
    const zeros = () => apply('expand', [scalar(0)], { shape: shape as readonly number[] })
    return [gradientName(parameters[i]), found[i] ?? zeros()]
  })
  return shareValues(broadcastExpansions({ outputs: { ...graph.outputs, ...Object.fromEntries(outputs) } }))
}

/** Returns the gradient of a scalar with respect to values; `undefined` where it does not depend on one. */
export function gradientsOf(loss: Value, values: readonly Value[]): (Value | undefined)[] {
  const order = topologicalOrder({ outputs: { loss } })
  /** Values that depend on one of `values`. */
  const varying = new Set<Value>(values)
  for (const value of order) {
    if (value.op !== 'stopGradient' && value.inputs.some((x) => varying.has(x))) varying.add(value)
  }
  const gradientOf = new Map<Value, Value>([[loss, scalar(1)]])
  for (const value of order.toReversed()) {
    const gradient = gradientOf.get(value)
    if (!gradient || value.inputs.length === 0 || !varying.has(value)) continue
    const { adjoint } = operators[value.op as ComputedName] as Operator<ComputedName>
    const parts = adjoint?.(apply, value as never, gradient) ?? []
    value.inputs.forEach((x, i) => {
      const part = parts[i]
      if (!part || !varying.has(x)) return
      const sum = gradientOf.get(x)
      gradientOf.set(x, sum ? sumOf(sum, part()) : part())
    })
  }
  return values.map((value) => gradientOf.get(value))
}

/** Adds gradients. Those of single elements are added where they belong, instead of as a tensor that is 0 elsewhere. */
function sumOf(a: Value, b: Value): Value {
  const [put, other] = a.op === 'putAlongAxis' ? [a, b] : [b, a]
  if (put.op !== 'putAlongAxis') return apply('add', [a, b], {})
  const [elements, indices] = put.inputs
  return apply('addAlongAxis', [other, elements, indices], put.attributes)
}
