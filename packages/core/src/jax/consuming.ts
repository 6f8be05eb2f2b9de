import { type JsTree, type numpy as np, tree } from '@jax-js/jax'

/** What operations have made since the innermost running {@link consuming} function began; absent outside of one. */
let made: np.Array[] | undefined

/**
 * Makes a function over the losses' operations keep jax-js' rule of ownership, so that `grad`, `valueAndGrad` and `jit` can
 * take it and no memory is lost: it uses up its arguments (pass `x.ref` to keep one), gives a result that the caller owns,
 * and frees whatever the operations made on the way, also when it throws.
 *
 * The operations themselves never use up their operands. Within `f`, arrays from functions of jax-js follow its own rule.
 * Under `jit` everything but the arguments is compiled in, the losses' labels among it: compile a network, not a
 * loss whose labels change.
 *
 * @param f from arrays, or objects and lists of them, to the same; not an async function
 */
export function consuming<Arguments extends JsTree<np.Array>[], Result extends JsTree<np.Array>>(
  f: (...inputs: Arguments) => Result,
): (...inputs: Arguments) => Result {
  return (...inputs) => {
    const outer = made
    const mine: np.Array[] = []
    made = mine
    try {
      return tree.ref(f(...inputs))
    } finally {
      made = outer
      tree.dispose([...mine, ...inputs])
    }
  }
}

/** Notes the result of an operation, to be freed by the function that runs. */
export function record(x: np.Array): np.Array {
  made?.push(x)
  return x
}
