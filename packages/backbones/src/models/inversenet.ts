import { concat, input, relu } from '../graph/build.js'
import { symbol } from '../graph/dim.js'
import type { Graph } from '../graph/value.js'
import { type ParameterSource, Scope } from './scope.js'

/** Side in pixels of the square tiles that InverseNet compares. */
export const INVERSENET_TILE = 224

/**
 * Builds InverseNet, the regressor of the InverseForm loss (Borse et al., CVPR 2021, https://arxiv.org/abs/2104.02745).
 *
 * Its inputs are the boundary tiles `prediction` and `target` [N, 224·224], row by row. Its output is `coefficients`
 * [N, 4], the normalized shift and scale between them (0: none).
 */
export function buildInverseNet(parameters: ParameterSource): Graph {
  const scope = new Scope(parameters, 'fc.')
  const tile = (name: string) => input(name, [symbol('N'), INVERSENET_TILE ** 2])
  let x = concat([tile('prediction'), tile('target')], 1)
  x = relu(scope.at(0).linear(x, 1000))
  x = relu(scope.at(2).linear(x, 32))
  return { outputs: { coefficients: scope.at(4).linear(x, 4) } }
}
