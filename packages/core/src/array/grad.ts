import { shapeText, sizeMismatch } from '../shape.js'
import { type ArrayTensor, propagate, strayTensor, type Tape, variable } from './tensor.js'

/** One tensor for each argument, of the same shape; zeros where the value does not depend on it. */
export type Gradients<Arguments extends readonly ArrayTensor[]> = {
  readonly [K in keyof Arguments]: ArrayTensor
}

export interface ValueAndGradients<Arguments extends readonly ArrayTensor[] = readonly ArrayTensor[]> {
  readonly value: number
  readonly gradients: Gradients<Arguments>
}

/**
 * Returns a function that computes `f` and its gradient with respect to every argument, by reverse-mode differentiation.
 *
 * @param f function from tensors to a tensor with one element, made of operations of {@link arrayOps}
 * @throws InverseFormError `size-mismatch` when the result has more than one element; `invalid-argument` inside another
 *   gradient, and for tensors of an earlier one
 */
export function valueAndGrad<Arguments extends readonly ArrayTensor[]>(
  f: (...inputs: Arguments) => ArrayTensor,
): (...inputs: Arguments) => ValueAndGradients<Arguments> {
  return (...inputs) => {
    const tape: Tape = { nodes: [], finished: false }
    const variables = inputs.map((input) => variable(tape, input))
    const result = run(tape, () => f(...(variables as readonly ArrayTensor[] as Arguments)))
    if (result.data.length !== 1) {
      throw sizeMismatch(
        `The differentiated function must return one number, got a tensor of ${shapeText(result.shape)}.`,
        'Reduce the result, such as with sum(x).',
        { shape: result.shape },
      )
    }
    // A result that depends on no argument has no tape, and every gradient is 0.
    if (result.node) {
      if (result.node.tape !== tape) throw strayTensor(result.node.tape)
      result.node.gradient = result.data.slice().fill(1)
    }
    propagate(tape)
    const gradients = variables.map(({ data, shape, node }) => ({
      // Arguments and constants may share a gradient, so callers get copies.
      data: (node.owned ? node.gradient : node.gradient?.slice()) ?? data.slice().fill(0),
      shape,
    }))
    return { value: result.data[0], gradients: gradients as Gradients<Arguments> }
  }
}

function run<Result>(tape: Tape, f: () => Result): Result {
  try {
    return f()
  } finally {
    tape.finished = true
  }
}

/** Returns a function like that of {@link valueAndGrad} that returns only the gradients. */
export function grad<Arguments extends readonly ArrayTensor[]>(
  f: (...inputs: Arguments) => ArrayTensor,
): (...inputs: Arguments) => Gradients<Arguments> {
  const both = valueAndGrad(f)
  return (...inputs) => both(...inputs).gradients
}
