import { type JsTree, type numpy as np, tree } from '@jax-js/jax'

/** Arrays created since the innermost running {@link consuming} function started; undefined outside of one. */
let created: np.Array[] | undefined

/**
 * Wraps a function that uses the losses' operations so that it follows the ownership rule of jax-js. It consumes its arguments
 * (pass `x.ref` to keep one), returns a result that the caller owns, and frees intermediate arrays, even when it throws. The
 * wrapped function can be passed to `grad`, `valueAndGrad` and `jit` and leaks no memory.
 *
 * The losses' operations never consume their operands. Inside `f`, arrays from functions of jax-js follow the rule of jax-js.
 * `jit` compiles everything but the arguments into the program, including the target. Compile a network, not a loss whose
 * target changes.
 *
 * @param f synchronous function from arrays, or objects and lists of them, to the same
 */
export function consuming<Arguments extends JsTree<np.Array>[], Result extends JsTree<np.Array>>(
  f: (...inputs: Arguments) => Result,
): (...inputs: Arguments) => Result {
  return (...inputs) => {
    const outer = created
    const mine: np.Array[] = []
    created = mine
    try {
      return tree.ref(f(...inputs))
    } finally {
      created = outer
      tree.dispose([...mine, ...inputs])
    }
  }
}

/** Records the result of an operation, to be freed by the running {@link consuming} function. */
export function record(x: np.Array): np.Array {
  created?.push(x)
  return x
}
